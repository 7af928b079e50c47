// SHA-256 (FIPS 180-4), incremental. For file digests, not for secrets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/block_hash.h"

namespace crossrank::base {

// Whether this CPU computes SHA-256 by instructions of its own that are used here (x86's SHA-NI).
bool has_sha256_instructions();

// hex_digest() gives 64 digits.
class Sha256 : public BlockHash<Sha256, 8> {
 public:
  // The digest is the same either way; tests try both. True only if has_sha256_instructions().
  explicit Sha256(bool use_instructions = has_sha256_instructions())
      : BlockHash({0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                   0x1f83d9ab, 0x5be0cd19}),
        use_instructions_(use_instructions) {}

 private:
  friend BlockHash;
  void mix(const unsigned char* p, std::size_t blocks);
  void mix_block(const unsigned char* p);

  bool use_instructions_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace crossrank::base

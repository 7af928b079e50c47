// SHA-256 (FIPS 180-4), incremental. For file digests, not for secrets.
#pragma once

#include <string>
#include <string_view>

#include "base/block_hash.h"

namespace crossrank::base {

// hex_digest() gives 64 digits.
class Sha256 : public BlockHash<Sha256, 8> {
 public:
  Sha256()
      : BlockHash({0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                   0x1f83d9ab, 0x5be0cd19}) {}

 private:
  friend BlockHash;
  void block(const unsigned char* p);
};

std::string sha256_hex(std::string_view bytes);

}  // namespace crossrank::base

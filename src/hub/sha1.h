// SHA-1 (FIPS 180-4), for one use: a hub names small files by their git blob id, which is one. It
// tells damage from health; against forgery stands the TLS connection that brought the id.
#pragma once

#include <cstddef>

#include "base/block_hash.h"

namespace crossrank::hub {

// hex_digest() gives 40 digits.
class Sha1 : public base::BlockHash<Sha1, 5> {
 public:
  Sha1() : BlockHash({0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}) {}

 private:
  friend BlockHash;
  void mix(const unsigned char* p, std::size_t blocks);
  void mix_block(const unsigned char* p);
};

}  // namespace crossrank::hub

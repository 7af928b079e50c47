// SHA-1, portable.
#include "hub/sha1.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace crossrank::hub {

void Sha1::mix(const unsigned char* p, std::size_t blocks) {
  for (; blocks != 0; --blocks, p += 64) mix_block(p);
}

void Sha1::mix_block(const unsigned char* p) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t i = 0; i < 16; ++i) w[i] = big_endian(p + 4 * i);
  for (std::size_t i = 16; i < 80; ++i) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = h_;
  for (std::size_t i = 0; i < 80; ++i) {
    // The four functions and constants of FIPS 180-4, 4.1.1 and 4.2.1: choose, parity, majority,
    // parity.
    const std::uint32_t f = i < 20   ? (b & c) | (~b & d)
                            : i < 40 ? b ^ c ^ d
                            : i < 60 ? (b & c) | (b & d) | (c & d)
                                     : b ^ c ^ d;
    const std::uint32_t k = i < 20   ? 0x5a827999
                            : i < 40 ? 0x6ed9eba1
                            : i < 60 ? 0x8f1bbcdc
                                     : 0xca62c1d6;
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  const std::array<std::uint32_t, 5> add = {a, b, c, d, e};
  for (std::size_t i = 0; i < 5; ++i) h_[i] += add[i];
}

}  // namespace crossrank::hub

// SHA-1, portable.
#include "hub/sha1.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace crossrank::hub {

void Sha1::block(const unsigned char* p) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t i = 0; i < 16; ++i, p += 4) {
    w[i] = std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
  }
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

void Sha1::update(std::string_view bytes) {
  std::size_t fill = length_ % 64;
  length_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t take = std::min(bytes.size(), 64 - fill);
    std::memcpy(buffer_.data() + fill, bytes.data(), take);
    bytes.remove_prefix(take);
    fill += take;
    if (fill < 64) return;
    block(buffer_.data());
    fill = 0;
  }
}

std::string Sha1::hex_digest() {
  const std::uint64_t bits = length_ * 8;
  std::string padding(1, '\x80');
  padding.append((119 - length_ % 64) % 64, '\0');  // until 8 bytes are left in a block
  for (int shift = 56; shift >= 0; shift -= 8) padding += static_cast<char>(bits >> shift & 0xFF);
  update(padding);
  std::string out;
  for (const std::uint32_t word : h_) {
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 0xF];
  }
  return out;
}

}  // namespace crossrank::hub

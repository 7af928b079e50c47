// BlockHash: what SHA-1 and SHA-256 have in common: 64-byte blocks, the length behind, hex.
// Computes no hash by itself.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace crossrank::base {

// `Hash` derives from this and has mix(const unsigned char* p, std::size_t blocks), which mixes
// blocks of 64 bytes into h_.
template <typename Hash, std::size_t kWords>
class BlockHash {
 public:
  explicit BlockHash(const std::array<std::uint32_t, kWords>& initial) : h_(initial) {}

  void update(std::string_view bytes) {
    if (bytes.empty()) return;  // whose data may be null
    const std::size_t fill = length_ % 64;
    length_ += bytes.size();
    if (fill != 0) {
      const std::size_t take = std::min(bytes.size(), 64 - fill);
      std::memcpy(buffer_.data() + fill, bytes.data(), take);
      bytes.remove_prefix(take);
      if (fill + take < 64) return;
      hash().mix(buffer_.data(), 1);
    }
    const std::size_t blocks = bytes.size() / 64;
    hash().mix(reinterpret_cast<const unsigned char*>(bytes.data()), blocks);
    bytes.remove_prefix(blocks * 64);
    std::copy(bytes.begin(), bytes.end(), buffer_.begin());
  }

  // 8 lower-case hex digits a word. The object is used up.
  std::string hex_digest() {
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

 protected:
  static std::uint32_t big_endian(const unsigned char* p) {
    return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
  }

  std::array<std::uint32_t, kWords> h_;

 private:
  Hash& hash() { return static_cast<Hash&>(*this); }

  std::array<unsigned char, 64> buffer_ = {};
  std::uint64_t length_ = 0;  // bytes so far
};

}  // namespace crossrank::base

// SHA-1 (FIPS 180-4), for one use: a hub names small files by their git blob id, which is one. It
// tells damage from health; against forgery stands the TLS connection that brought the id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace crossrank::hub {

class Sha1 {
 public:
  void update(std::string_view bytes);
  // 40 lower-case hex digits. The object is used up.
  std::string hex_digest();

 private:
  void block(const unsigned char* p);
  std::array<std::uint32_t, 5> h_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<unsigned char, 64> buffer_ = {};
  std::uint64_t length_ = 0;  // bytes so far
};

}  // namespace crossrank::hub

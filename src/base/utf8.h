// UTF-8: decoding, validation, repair and counting. Knows nothing of Unicode properties.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace crossrank::base {

// The code point at text[pos] of VALID UTF-8, and pos moved behind it. pos < text.size().
inline char32_t decode_utf8(std::string_view text, std::size_t& pos) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(pos);
  if (lead < 0x80) return pos += 1, lead;
  if (lead < 0xE0) return pos += 2, (char32_t{lead} & 0x1F) << 6 | (byte(pos - 1) & 0x3F);
  if (lead < 0xF0) {
    pos += 3;
    return (char32_t{lead} & 0x0F) << 12 | (byte(pos - 2) & 0x3Fu) << 6 | (byte(pos - 1) & 0x3F);
  }
  pos += 4;
  return (char32_t{lead} & 0x07) << 18 | (byte(pos - 3) & 0x3Fu) << 12 |
         (byte(pos - 2) & 0x3Fu) << 6 | (byte(pos - 1) & 0x3F);
}

// Whether `c` is a byte of a code point, but not its first.
inline bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the control character that begins at text[pos], C0, DEL or C1; 0 when none does.
inline std::size_t control_length(std::string_view text, std::size_t pos) {
  const auto byte = static_cast<unsigned char>(text[pos]);
  if (byte < 0x20 || byte == 0x7F) return 1;
  const bool c1 = byte == 0xC2 && pos + 1 < text.size() &&
                  static_cast<unsigned char>(text[pos + 1]) < 0xA0;  // U+0080 to U+009F
  return c1 ? 2 : 0;
}

// Writes a scalar value's 1 to 4 bytes; returns their end. Inline: a tokenizer does it a character.
inline char* encode_utf8(char32_t c, char* out) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
    return out;
  }
  if (c < 0x800) {
    *out++ = static_cast<char>(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *out++ = static_cast<char>(0xE0 | c >> 12);
    } else {
      *out++ = static_cast<char>(0xF0 | c >> 18);
      *out++ = static_cast<char>(0x80 | (c >> 12 & 0x3F));
    }
    *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3F));
  }
  *out++ = static_cast<char>(0x80 | (c & 0x3F));
  return out;
}

// Appends a scalar value.
void append_utf8(std::string& out, char32_t code_point);

// Well-formed by Unicode's table 3-7 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_valid_utf8(std::string_view text);

// Offset of the first ill-formed sequence, or text.size().
std::size_t valid_utf8_prefix(std::string_view text);

// Invalid input with each maximal ill-formed subpart replaced by U+FFFD, exactly as Python's
// bytes.decode(errors="replace"); empty when `text` is valid already.
std::optional<std::string> repair_utf8(std::string_view text);

// Code points of VALID UTF-8.
std::size_t count_code_points(std::string_view text);

// Length in bytes of the first `count` code points of VALID UTF-8 (all of it when there are fewer).
std::size_t prefix_bytes(std::string_view text, std::size_t count);

}  // namespace crossrank::base

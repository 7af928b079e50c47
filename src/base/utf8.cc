// UTF-8: validation, repair and counting.
#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace crossrank::base {
namespace {

// Length of the well-formed sequence at the start of `text`, or 0 with `bad` = the length of the
// maximal subpart to replace (Unicode 15, section 3.9, table 3-7 and "best practices").
std::size_t sequence_length(std::string_view text, std::size_t& bad) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  bad = 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;   // overlong
  if (lead == 0xED) high = 0x9F;  // surrogates
  if (lead == 0xF0) low = 0x90;   // overlong
  if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return 0;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < low || c > high) return 0;
    low = 0x80;
    high = 0xBF;
    bad = i + 1;
  }
  return length;
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
  char bytes[4];
  out.append(bytes, encode_utf8(c, bytes));
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t pos = 0;
  std::size_t bad = 0;
  while (pos < text.size()) {
    std::uint64_t eight = 0x80;  // most text is ASCII: 8 bytes a step
    if (text.size() - pos >= sizeof(eight)) std::memcpy(&eight, text.data() + pos, sizeof(eight));
    if ((eight & 0x8080808080808080) == 0) {
      pos += sizeof(eight);
      continue;
    }
    const std::size_t length = sequence_length(text.substr(pos), bad);
    if (length == 0) break;
    pos += length;
  }
  return pos;
}

bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

std::optional<std::string> repair_utf8(std::string_view text) {
  std::size_t pos = valid_utf8_prefix(text);
  if (pos == text.size()) return std::nullopt;
  std::string out(text.substr(0, pos));
  std::size_t bad = 0;
  while (pos < text.size()) {
    if (const std::size_t length = sequence_length(text.substr(pos), bad); length != 0) {
      out.append(text, pos, length);
      pos += length;
    } else {
      out += "\xEF\xBF\xBD";
      pos += bad;
    }
  }
  return out;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(c) ? 0 : 1;
  return count;
}

std::size_t prefix_bytes(std::string_view text, std::size_t count) {
  if (count >= text.size()) return text.size();
  std::size_t pos = 0;
  while (pos < text.size() && (count > 0 || is_continuation(text[pos]))) {
    if (!is_continuation(text[pos])) --count;
    ++pos;
  }
  // `count` reached 0 on a lead byte; the loop above has eaten its continuation bytes too.
  return pos;
}

}  // namespace crossrank::base

// Charsmap: decoding, and the walk through the double array.
//
// The root is unit 0. A unit has bit 31 set if it is a value (the other bits: an offset in the
// replacements). Else bits 0-7 are the byte that leads here, bit 8 says that a key ends here, and
// bits 10-30 are an offset, times 256 if bit 9 is set. base = index ^ offset; unit base ^ byte is
// the child for that byte, if its bits 0-7 are that byte; unit base is the value.
#include "text/charsmap.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"

namespace crossrank::text {
namespace {

constexpr std::uint32_t kValueBit = 1u << 31;
// The longest of SentencePiece's own is U+FDFA's, of 33 bytes. Without a bound a file could make
// gigabytes of a text.
constexpr std::size_t kMaxReplacementBytes = 255;

Error bad(const char* what) {
  return {ErrorCode::kBadTokenizer, std::string("`precompiled_charsmap` ") + what};
}

// The value of a base64 digit; -1 for any other byte.
constexpr std::array<int, 256> make_digits() {
  std::array<int, 256> digits = {};
  for (int& digit : digits) digit = -1;
  int value = 0;
  for (const char c :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
    digits[static_cast<unsigned char>(c)] = value++;
  }
  return digits;
}

Result<std::string> decode_base64(std::string_view text) {
  static constexpr std::array<int, 256> kDigits = make_digits();
  if (text.size() % 4 != 0) return bad("is not base64");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return bad("is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

std::uint32_t word_at(std::string_view bytes, std::size_t pos) {
  std::uint32_t word = 0;
  for (std::size_t i = 4; i-- > 0;) word = word << 8 | static_cast<unsigned char>(bytes[pos + i]);
  return word;
}

std::size_t base_of(std::uint32_t unit, std::size_t index) {
  return index ^ (std::size_t{unit >> 10 & 0x1FFFFF} << (unit >> 9 & 1) * 8);
}

// Every step from any unit stays in the array, and every value is the beginning of a character of
// the replacements, not too far from its NUL; find() then needs no checks, and each of its steps
// uses up a byte of the text. Gives the longest replacement's size, or nothing if that is not so.
std::optional<std::size_t> longest_if_sound(const std::vector<std::uint32_t>& units,
                                            std::string_view replacements) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::uint32_t unit = units[i];
    if ((unit & kValueBit) != 0) continue;
    const std::size_t base = base_of(unit, i);
    if ((base | 0xFF) >= units.size()) return std::nullopt;
    if ((unit >> 8 & 1) == 0) continue;
    const std::uint32_t value = units[base];
    const std::size_t begin = value & ~kValueBit;
    if ((value & kValueBit) == 0 || begin >= replacements.size() ||
        base::is_continuation(replacements[begin])) {
      return std::nullopt;
    }
    const std::string_view rest = replacements.substr(begin, kMaxReplacementBytes + 1);
    const std::size_t size = rest.find('\0');
    if (size == std::string_view::npos) return std::nullopt;
    longest = std::max(longest, size);
  }
  return longest;
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view base64) {
  CR_TRY_ASSIGN(const std::string bytes, decode_base64(base64));
  if (bytes.size() < 4) return bad("is too short");
  const std::uint32_t trie_bytes = word_at(bytes, 0);
  const std::string_view rest = std::string_view(bytes).substr(4);
  if (trie_bytes > rest.size() || trie_bytes % 4 != 0 || trie_bytes == 0) {
    return bad("has a trie of another size than it says");
  }
  Charsmap result;
  result.units_.reserve(trie_bytes / 4);
  for (std::size_t i = 0; i < trie_bytes; i += 4) result.units_.push_back(word_at(rest, i));
  result.replacements_ = rest.substr(trie_bytes);
  if (base::repair_utf8(result.replacements_)) return bad("has replacements that are not UTF-8");
  if (!result.replacements_.empty() && result.replacements_.back() != '\0') {
    return bad("has a last replacement without an end");
  }
  const auto longest = longest_if_sound(result.units_, result.replacements_);
  if (!longest) return bad("has a trie that leads nowhere");
  result.max_growth_ = *longest;
  return result;
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  std::size_t base = base_of(units_[0], 0);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return std::nullopt;  // unit base ^ 0 is a value
    const std::size_t index = base ^ byte;
    const std::uint32_t unit = units_[index];
    if ((unit & (kValueBit | 0xFF)) != byte) return std::nullopt;
    base = base_of(unit, index);
    if ((unit >> 8 & 1) == 0) continue;
    const char* const replacement = replacements_.data() + (units_[base] & ~kValueBit);
    return std::string_view(replacement);  // up to its NUL
  }
  return std::nullopt;
}

}  // namespace crossrank::text

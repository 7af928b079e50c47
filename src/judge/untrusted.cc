// One pass over the code points of a foreign text.
#include "judge/untrusted.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/utf8.h"

namespace crossrank::judge {
namespace {

constexpr std::string_view kLineMark = "| ";
constexpr std::size_t kLettersAToken = 3;  // English words have 4 and more

bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// Characters that show nothing: they hide text from a reader or turn its order around. These are
// the controls (C0, DEL, C1), Default_Ignorable_Code_Point of Unicode 16's DerivedCoreProperties,
// and the annotation marks U+FFF9 to FFFB.
bool is_invisible(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return true;
  struct Range {
    char32_t first, last;
  };
  static constexpr Range kRanges[] = {
      {0x00AD, 0x00AD},   {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},
      {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200F},   {0x202A, 0x202E},
      {0x2060, 0x206F},   {0x3164, 0x3164}, {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
      {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
      {0xE0000, 0xE0FFF},
  };
  return c >= 0xAD && std::any_of(std::begin(kRanges), std::end(kRanges), [c](const Range& range) {
           return c >= range.first && c <= range.last;
         });
}

// Whether `next` behind `c` could begin a control token: <|im_end|>, </s>, [INST], [gMASK],
// [|system|], ]~b].
bool opens_tag(char32_t c, char32_t next) {
  const bool opens = is_letter(next) || next == '/' || next == '|';
  if (c == '<') return opens || next == 0xFF5C;
  if (c == '[') return opens || next == '_';
  return c == ']' && next == '~';
}

// Adds up tokens, code point by code point.
class TokenCounter {
 public:
  explicit TokenCounter(TokenCount how) : how_(how) {}

  void add(char32_t c) {
    const std::size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (how_ == TokenCount::kWorstCase || bytes > 1) {
      run_ = 0;
      total_ += bytes;
    } else if (is_letter(c)) {
      if (run_ % kLettersAToken == 0) ++total_;
      ++run_;
    } else {
      // A space belongs to the word behind it, a second one does not.
      if (c != ' ' || last_ == ' ') ++total_;
      run_ = 0;
    }
    last_ = c;
  }
  void add(std::string_view ascii) {
    for (const char c : ascii) add(static_cast<char32_t>(static_cast<unsigned char>(c)));
  }
  std::size_t total() const { return total_; }

 private:
  TokenCount how_;
  std::size_t total_ = 0;
  std::size_t run_ = 0;  // letters since the last other character
  char32_t last_ = 0;
};

// `text` itself, or its repaired copy in `storage`.
std::string_view valid(std::string_view text, std::string& storage) {
  if (auto repaired = base::repair_utf8(text)) {
    storage = *std::move(repaired);
    return storage;
  }
  return text;
}

// Hands the characters of `text` to `emit(c)`, cleaned, until it says false; line breaks come as
// '\n'. Returns the offset behind the last source character that was taken whole.
template <typename Emit>
std::size_t for_each_clean(std::string_view text, const Emit& emit) {
  std::size_t taken = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    char32_t c = base::decode_utf8(text, pos);
    if (is_line_break(c)) {
      if (c == '\r' && pos < text.size() && text[pos] == '\n') ++pos;
      c = '\n';
    } else if (c == '\t') {
      c = ' ';
    } else if (is_invisible(c)) {
      taken = pos;
      continue;
    }
    // What stands behind invisible characters stands behind `c` once they are gone.
    std::size_t ahead = pos;
    char32_t next = 0;
    while (ahead < text.size()) {
      next = base::decode_utf8(text, ahead);
      if (!is_invisible(next) || is_line_break(next) || next == '\t') break;
      next = 0;
    }
    if (!emit(c, opens_tag(c, next))) return taken;
    taken = pos;
  }
  return text.size();
}

}  // namespace

std::size_t count_tokens(std::string_view text, TokenCount how) {
  std::string storage;
  text = valid(text, storage);
  TokenCounter counter(how);
  for (std::size_t pos = 0; pos < text.size();) counter.add(base::decode_utf8(text, pos));
  return counter.total();
}

Quoted quote_lines(std::string_view source, std::size_t max_tokens, TokenCount how) {
  std::string storage;
  const std::string_view text = valid(source, storage);
  Quoted out;
  if (text.empty()) return out;
  TokenCounter counter(how);
  bool at_line_start = true;
  const std::size_t taken = for_each_clean(text, [&](char32_t c, bool tag) {
    TokenCounter ahead = counter;
    if (at_line_start) ahead.add(kLineMark);
    ahead.add(c);
    if (tag) ahead.add(' ');
    TokenCounter ended = ahead;
    if (c != '\n') ended.add('\n');  // every line that begins also ends
    if (ended.total() > max_tokens) return false;
    if (at_line_start) out.text += kLineMark;
    base::append_utf8(out.text, c);
    if (tag) out.text += ' ';
    counter = ahead;
    at_line_start = c == '\n';
    return true;
  });
  if (!at_line_start) {
    out.text += '\n';
    counter.add('\n');
  }
  out.tokens = counter.total();
  out.chars_cut = base::count_code_points(text.substr(taken));
  return out;
}

std::string clean_line(std::string_view source) {
  std::string storage;
  std::string out;
  for_each_clean(valid(source, storage), [&](char32_t c, bool tag) {
    base::append_utf8(out, c == '\n' ? U' ' : c);
    if (tag) out += ' ';
    return true;
  });
  return out;
}

}  // namespace crossrank::judge

// Sentences: one pass over the text, then one over the tokens.
#include "text/sentences.h"

#include <cstddef>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

enum class Mark : std::uint8_t { kNone, kEnds, kEndsAlone, kCloses, kSpace };

Mark mark_of(char32_t c) {
  switch (c) {
    case U'.':
    case U'!':
    case U'?':
    case U'\u2026':  // horizontal ellipsis
    case U'\u061F':  // Arabic question mark
    case U'\u06D4':  // Urdu full stop
    case U'\u0964':  // danda
    case U'\u0965': return Mark::kEnds;
    case U'\u3002':  // ideographic full stop
    case U'\uFF01':
    case U'\uFF1F':
    case U'\uFF61': return Mark::kEndsAlone;
    case U'"':
    case U'\'':
    case U')':
    case U']':
    case U'}':
    case U'\u00BB':
    case U'\u2019':
    case U'\u201D':
    case U'\u300D':
    case U'\u300F':
    case U'\uFF09': return Mark::kCloses;
    case U' ':
    case U'\t':
    case U'\n':
    case U'\v':
    case U'\f':
    case U'\r':
    case U'\u00A0':
    case U'\u2028':
    case U'\u2029':
    case U'\u3000': return Mark::kSpace;
    default: return Mark::kNone;
  }
}

// Calls body(byte) for each byte at which a sentence begins behind another.
template <typename Body>
void for_each_start(std::string_view text, const Body& body) {
  bool ended = false;        // by a mark, with closing ones behind it
  bool ended_alone = false;  // by one that needs no white space
  bool spaced = false;       // white space since then
  int lines = 0;             // of it that ended
  bool any = false;          // the text has begun
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t begin = pos;
    const char32_t c = base::decode_utf8(text, pos);
    const Mark mark = mark_of(c);
    if (mark == Mark::kSpace) {
      spaced = true;
      if (c == U'\n' || c == U'\u2029') ++lines;
      if (c == U'\u2029') ++lines;
      continue;
    }
    const bool small = c >= U'a' && c <= U'z';
    const bool goes_on =
        !spaced && (mark == Mark::kEnds || mark == Mark::kEndsAlone || mark == Mark::kCloses);
    if (any && !goes_on && (lines >= 2 || ended_alone || (ended && spaced && !small))) body(begin);
    any = true;
    ended = mark == Mark::kEnds || (ended && goes_on);
    ended_alone = mark == Mark::kEndsAlone || (ended_alone && goes_on);
    spaced = false;
    lines = 0;
  }
}

}  // namespace

std::vector<std::uint32_t> sentence_starts(std::string_view text, std::span<const ByteSpan> spans) {
  std::vector<std::uint32_t> starts;
  std::size_t token = 0;
  for_each_start(text, [&](std::size_t byte) {
    while (token < spans.size() && spans[token].end <= byte) ++token;
    if (token == 0 || token == spans.size()) return;
    if (starts.empty() || starts.back() != token)
      starts.push_back(static_cast<std::uint32_t>(token));
  });
  return starts;
}

}  // namespace crossrank::text

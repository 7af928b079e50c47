// Graphemes: the rules of UAX #29 between two code points, with what must be known of those before.
#include "text/grapheme.h"

#include "base/utf8.h"
#include "text/unicode_tables.h"

namespace crossrank::text {
namespace {

constexpr char32_t kZeroWidthJoiner = 0x200D;

int class_of(std::uint8_t grapheme) { return grapheme & kGraphemeClass; }

bool hangul_goes_on(int before, int after) {
  switch (before) {
    case kGraphemeL:
      return after == kGraphemeL || after == kGraphemeV || after == kGraphemeLV ||
             after == kGraphemeLVT;
    case kGraphemeV:
    case kGraphemeLV: return after == kGraphemeV || after == kGraphemeT;
    case kGraphemeT:
    case kGraphemeLVT: return after == kGraphemeT;
    default: return false;
  }
}

// The code points of a cluster so far, as far as the next one depends on them.
class Cluster {
 public:
  explicit Cluster(std::uint8_t first) { add(0, first); }

  bool takes(std::uint8_t next) const {
    const int after = class_of(next);
    if (last_ == kGraphemeControl || after == kGraphemeControl) return false;
    if (after == kGraphemeExtend || after == kGraphemeSpacingMark) return true;
    if (last_ == kGraphemePrepend || hangul_goes_on(last_, after)) return true;
    if (joined_pictograph_ && (next & kPictographic) != 0) return true;
    return linked_consonant_ && (next & kConjunctConsonant) != 0;
  }

  void add(char32_t c, std::uint8_t grapheme) {
    last_ = class_of(grapheme);
    joined_pictograph_ = pictograph_ && c == kZeroWidthJoiner;
    pictograph_ = (grapheme & kPictographic) != 0 ||
                  (pictograph_ && last_ == kGraphemeExtend && c != kZeroWidthJoiner);
    if ((grapheme & kConjunctConsonant) != 0) {
      consonant_ = true;
      linked_consonant_ = false;
    } else if (consonant_ && (grapheme & kConjunctLinker) != 0) {
      linked_consonant_ = true;
    } else if ((grapheme & kConjunctExtend) == 0) {
      consonant_ = linked_consonant_ = false;
    }
  }

 private:
  int last_ = kGraphemeOther;
  bool pictograph_ = false;         // and marks behind it
  bool joined_pictograph_ = false;  // and a joiner behind those
  bool consonant_ = false;          // and marks behind it
  bool linked_consonant_ = false;   // a linker among those
};

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t pos) {
  const char32_t first = base::decode_utf8(text, pos);
  if (first == U'\r') return pos < text.size() && text[pos] == '\n' ? pos + 1 : pos;
  Cluster cluster(code_point(first).grapheme);
  while (pos < text.size()) {
    std::size_t next = pos;
    const char32_t c = base::decode_utf8(text, next);
    const std::uint8_t grapheme = code_point(c).grapheme;
    if (!cluster.takes(grapheme)) break;
    cluster.add(c, grapheme);
    pos = next;
  }
  return pos;
}

}  // namespace crossrank::text

// SentencePieceNormalizer: each stage over the whole text, once as text and once with source spans.
#include "text/sentencepiece_normalizer.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/grapheme.h"

namespace crossrank::text {
namespace {

using Chars = std::vector<AlignedChar>;

// What the reference takes for one key of the charsmap if it can: SentencePiece itself looks for
// the longest key at each place.
constexpr std::size_t kLongestKey = 5;

// Calls on_part(source, replacement) for the parts of `text` from `pos` to the end of the grapheme
// cluster there, which it returns; a part without a key is its own replacement. A cluster that
// begins with a key, and is short, becomes that key's replacement as a whole, marks and all.
template <typename OnPart>
std::size_t map_grapheme(const Charsmap& charsmap, std::string_view text, std::size_t pos,
                         OnPart&& on_part) {
  const std::size_t end = grapheme_end(text, pos);
  if (end - pos <= kLongestKey) {
    const std::string_view cluster = text.substr(pos, end - pos);
    if (const auto replacement = charsmap.find(cluster)) {
      on_part(cluster, *replacement);
      return end;
    }
  }
  while (pos < end) {
    std::size_t next = pos;
    base::decode_utf8(text, next);
    const std::string_view c = text.substr(pos, next - pos);
    on_part(c, charsmap.find(c).value_or(c));
    pos = next;
  }
  return end;
}

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

std::string apply_charsmap(const Charsmap& charsmap, const std::array<bool, 256>& plain,
                           std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t pos = 0; pos < text.size();) {
    std::size_t end = pos;
    while (end < text.size() && plain[static_cast<unsigned char>(text[end])]) ++end;
    // The last of them may have a mark behind it.
    if (end < text.size() && end > pos && !is_ascii(text[end])) --end;
    out.append(text, pos, end - pos);
    pos = end;
    if (pos == text.size()) break;
    pos = map_grapheme(charsmap, text, pos,
                       [&](std::string_view, std::string_view to) { out += to; });
  }
  return out;
}

// Two spaces and more, from the left.
std::string replace_spaces(std::string_view text, std::string_view content) {
  std::string out;
  out.reserve(text.size());
  std::size_t pos = 0;
  for (std::size_t begin = 0; (begin = text.find("  ", pos)) != text.npos;) {
    out.append(text, pos, begin - pos);
    out += content;
    pos = std::min(text.find_first_not_of(' ', begin), text.size());
  }
  return out.append(text, pos);
}

std::string replace(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  out.reserve(text.size());
  std::size_t pos = 0;
  for (std::size_t begin = 0; (begin = text.find(pattern, pos)) != text.npos;) {
    out.append(text, pos, begin - pos);
    out += content;
    pos = begin + pattern.size();
  }
  return out.append(text, pos);
}

std::string_view strip(std::string_view text, bool left, bool right) {
  if (left) text.remove_prefix(skip_space(text, 0));
  if (right) text = text.substr(0, trim_end(text, 0));
  return text;
}

// The reference's bookkeeping of a replacement: a character and what it does to the source. 0 takes
// the next source character, 1 none (it shares the one before), -n the next and n more.
struct Change {
  char32_t c;
  std::ptrdiff_t change;
};

void push_change(std::string_view from, std::string_view to, std::vector<Change>& changes) {
  const auto before = static_cast<std::ptrdiff_t>(base::count_code_points(from));
  const auto after = static_cast<std::ptrdiff_t>(base::count_code_points(to));
  for (std::size_t pos = 0; pos < to.size();) changes.push_back({base::decode_utf8(to, pos), 0});
  for (std::ptrdiff_t i = before; i < after; ++i) {
    changes[changes.size() - static_cast<std::size_t>(i - before) - 1].change = 1;
  }
  // What is left out counts to the character before. At the very beginning there is none, and the
  // reference's spans are then one source character behind, as are these.
  if (after < before && !changes.empty()) changes.back().change += after - before;
}

Chars apply_charsmap(const Charsmap& charsmap, const Chars& chars) {
  std::string text;
  for (const AlignedChar& a : chars) base::append_utf8(text, a.c);
  std::vector<Change> changes;
  changes.reserve(chars.size());
  for (std::size_t pos = 0; pos < text.size();) {
    pos = map_grapheme(charsmap, text, pos, [&](std::string_view from, std::string_view to) {
      push_change(from, to, changes);
    });
  }
  Chars out;
  out.reserve(changes.size());
  std::size_t source = 0;
  for (const auto& [c, change] : changes) {
    if (change > 0) {
      const AlignedChar from = source == 0 ? AlignedChar{} : chars[source - 1];
      out.push_back({c, from.begin, from.end});
    } else {
      out.push_back({c, chars[source].begin, chars[source].end});
      source += 1 + static_cast<std::size_t>(-change);
    }
  }
  return out;
}

// `length` characters from `at` on become `content`, which shares the span of the last of them.
void replace_at(const Chars& chars, std::size_t at, std::size_t length, std::string_view content,
                Chars& out) {
  const AlignedChar& last = chars[at + length - 1];
  for (std::size_t pos = 0; pos < content.size();) {
    out.push_back({base::decode_utf8(content, pos), last.begin, last.end});
  }
}

Chars replace_spaces(const Chars& chars, std::string_view content) {
  Chars out;
  out.reserve(chars.size());
  for (std::size_t i = 0; i < chars.size();) {
    std::size_t end = i;
    while (end < chars.size() && chars[end].c == U' ') ++end;
    if (end - i >= 2) {
      replace_at(chars, i, end - i, content, out);
      i = end;
    } else {
      out.push_back(chars[i++]);
    }
  }
  return out;
}

Chars replace(const Chars& chars, std::string_view pattern, std::string_view content) {
  std::u32string wanted;
  for (std::size_t pos = 0; pos < pattern.size();) wanted += base::decode_utf8(pattern, pos);
  const auto matches = [&](std::size_t at) {
    if (chars.size() - at < wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (chars[at + i].c != wanted[i]) return false;
    }
    return true;
  };
  Chars out;
  out.reserve(chars.size());
  for (std::size_t i = 0; i < chars.size();) {
    if (matches(i)) {
      replace_at(chars, i, wanted.size(), content, out);
      i += wanted.size();
    } else {
      out.push_back(chars[i++]);
    }
  }
  return out;
}

void strip(Chars& chars, bool left, bool right) {
  const auto is_space = [](const AlignedChar& a) { return code_point(a.c).flags & kSpace; };
  std::size_t begin = 0;
  std::size_t end = chars.size();
  while (left && begin < end && is_space(chars[begin])) ++begin;
  while (right && end > begin && is_space(chars[end - 1])) --end;
  chars.erase(chars.begin() + static_cast<std::ptrdiff_t>(end), chars.end());
  chars.erase(chars.begin(), chars.begin() + static_cast<std::ptrdiff_t>(begin));
}

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(std::vector<SentencePieceStage> stages) {
  for (SentencePieceStage& from : stages) {
    Stage& stage = stages_.emplace_back(Stage{std::move(from), {}});
    if (stage.kind != SentencePieceStage::Kind::kCharsmap) continue;
    for (std::size_t byte = 0; byte < 0x80; ++byte) {
      const char c = static_cast<char>(byte);
      stage.plain[byte] = !stage.charsmap->find({&c, 1}) && c != '\r';  // CR LF is one character
    }
  }
}

std::string SentencePieceNormalizer::normalize(std::string_view text) const {
  std::string out(text);
  for (const Stage& stage : stages_) {
    switch (stage.kind) {
      case SentencePieceStage::Kind::kCharsmap:
        out = apply_charsmap(*stage.charsmap, stage.plain, out);
        break;
      case SentencePieceStage::Kind::kStrip:
        out = std::string(strip(out, stage.left, stage.right));
        break;
      case SentencePieceStage::Kind::kReplace:
        out = replace(out, stage.pattern, stage.content);
        break;
      case SentencePieceStage::Kind::kReplaceSpaces:
        out = replace_spaces(out, stage.content);
        break;
    }
  }
  return out;
}

std::vector<AlignedChar> SentencePieceNormalizer::normalize_aligned(std::string_view text) const {
  Chars chars = decode_aligned(text);
  for (const Stage& stage : stages_) {
    switch (stage.kind) {
      case SentencePieceStage::Kind::kCharsmap:
        chars = apply_charsmap(*stage.charsmap, chars);
        break;
      case SentencePieceStage::Kind::kStrip: strip(chars, stage.left, stage.right); break;
      case SentencePieceStage::Kind::kReplace:
        chars = replace(chars, stage.pattern, stage.content);
        break;
      case SentencePieceStage::Kind::kReplaceSpaces:
        chars = replace_spaces(chars, stage.content);
        break;
    }
  }
  return chars;
}

}  // namespace crossrank::text

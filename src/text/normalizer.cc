// Normalizer: the stages one by one, and the order of combining marks.
#include "text/normalizer.h"

#include <algorithm>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

using Chars = std::vector<AlignedChar>;

void clean_text(Chars& chars) {
  std::erase_if(chars, [](const AlignedChar& a) { return code_point(a.c).flags & kCleanRemoved; });
  for (AlignedChar& a : chars) {
    if (code_point(a.c).flags & kCleanSpace) a.c = U' ';
  }
}

Chars space_ideographs(const Chars& chars) {
  Chars out;
  out.reserve(chars.size());
  for (const AlignedChar& a : chars) {
    const bool ideograph = code_point(a.c).flags & kCjk;
    const AlignedChar space = {U' ', a.begin, a.end};
    if (ideograph) out.push_back(space);
    out.push_back(a);
    if (ideograph) out.push_back(space);
  }
  return out;
}

// NFD. Spans follow the reference, which hands the source characters out in order of appearance
// behind the sort: the first part of a decomposition takes the next one, its other parts repeat the
// span before them.
Chars decompose_canonically(const Chars& chars) {
  struct Part {
    char32_t c;
    std::uint8_t combining_class;
    bool first;
  };
  std::vector<Part> parts;
  parts.reserve(chars.size());
  std::size_t run = 0;  // where the current run of combining characters begins
  const auto sort_run = [&] {
    std::stable_sort(
        parts.begin() + static_cast<std::ptrdiff_t>(run), parts.end(),
        [](const Part& a, const Part& b) { return a.combining_class < b.combining_class; });
  };
  const auto add = [&](char32_t c, bool first) {
    const std::uint8_t combining_class = code_point(c).combining_class;
    if (combining_class == 0) sort_run();
    parts.push_back({c, combining_class, first});
    if (combining_class == 0) run = parts.size();
  };
  for (const AlignedChar& a : chars) {
    if (code_point(a.c).flags & kDecomposes) {
      char32_t hangul[3];
      bool first = true;
      for (const char32_t part : decompose(a.c, hangul)) {
        add(part, first);
        first = false;
      }
    } else {
      add(a.c, true);
    }
  }
  sort_run();

  Chars out;
  out.reserve(parts.size());
  std::size_t source = 0;
  for (const Part& part : parts) {
    if (part.first) ++source;
    const AlignedChar& from = chars[source == 0 ? 0 : source - 1];
    out.push_back({part.c, from.begin, from.end});
  }
  return out;
}

void drop_marks(Chars& chars) {
  std::erase_if(chars, [](const AlignedChar& a) { return code_point(a.c).flags & kMark; });
}

Chars to_lowercase(const Chars& chars) {
  Chars out;
  out.reserve(chars.size());
  for (const AlignedChar& a : chars) {
    if (code_point(a.c).flags & kLowers) {
      for (const char32_t c : lower(a.c)) out.push_back({c, a.begin, a.end});
    } else {
      out.push_back(a);
    }
  }
  return out;
}

}  // namespace

std::vector<AlignedChar> decode_aligned(std::string_view text) {
  std::vector<AlignedChar> chars;
  chars.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) {
    const auto begin = static_cast<std::uint32_t>(pos);
    const char32_t c = base::decode_utf8(text, pos);
    chars.push_back({c, begin, static_cast<std::uint32_t>(pos)});
  }
  return chars;
}

std::vector<AlignedChar> normalize_aligned(std::string_view text,
                                           const NormalizerOptions& options) {
  Chars chars = decode_aligned(text);
  if (options.clean_text) clean_text(chars);
  if (options.handle_chinese_chars) chars = space_ideographs(chars);
  if (options.strip_accents) {
    chars = decompose_canonically(chars);
    drop_marks(chars);
  }
  if (options.lowercase) chars = to_lowercase(chars);
  return chars;
}

std::string normalize(std::string_view text, const NormalizerOptions& options) {
  std::string out;
  out.reserve(text.size());
  NormalizerStream stream(options);
  const auto sink = [&](char32_t c) { base::append_utf8(out, c); };
  for (std::size_t pos = 0; pos < text.size();) stream.push(base::decode_utf8(text, pos), sink);
  stream.finish(sink);
  return out;
}

void NormalizerStream::sort_waiting() {
  std::stable_sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
    return a.properties.combining_class < b.properties.combining_class;
  });
}

}  // namespace crossrank::text

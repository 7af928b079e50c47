// Metaspace: marks, and the same words twice, as text and with source spans.
#include "text/metaspace.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

char32_t first_char(std::string_view text) {
  std::size_t pos = 0;
  return base::decode_utf8(text, pos);
}

bool is_space(char32_t c) { return (code_point(c).flags & kSpace) != 0; }

}  // namespace

std::size_t skip_nonspace(std::string_view text, std::size_t pos) {
  while (pos < text.size()) {
    std::size_t next = pos;
    if (is_space(base::decode_utf8(text, next))) break;
    pos = next;
  }
  return pos;
}

Metaspace::Metaspace(MetaspaceOptions options)
    : options_(std::move(options)), mark_char_(first_char(options_.mark)) {}

void Metaspace::mark(std::string_view part, std::string& buffer) const {
  buffer.clear();
  const bool marked = part.front() == ' ' || part.starts_with(options_.mark);
  if (!marked && options_.prepend == MetaspaceOptions::Prepend::kAlways) buffer += options_.mark;
  for (std::size_t pos = 0; pos < part.size();) {
    const std::size_t space = std::min(part.find(' ', pos), part.size());
    buffer.append(part, pos, space - pos);
    pos = space;
    if (pos == part.size()) break;
    buffer += options_.mark;
    ++pos;
  }
}

std::vector<AlignedChar> Metaspace::mark(const std::vector<AlignedChar>& part,
                                         std::size_t offset) const {
  std::vector<AlignedChar> out;
  out.reserve(part.size() + 1);
  const AlignedChar& first = part.front();
  const bool marked = first.c == U' ' || first.c == mark_char_;
  const bool prepends =
      options_.prepend == MetaspaceOptions::Prepend::kAlways ||
      (options_.prepend == MetaspaceOptions::Prepend::kFirst && first.begin + offset == 0);
  if (!marked && prepends) {
    out.push_back({mark_char_, first.begin, first.end});
  }
  for (AlignedChar a : part) {
    if (a.c == U' ') a.c = mark_char_;
    out.push_back(a);
  }
  return out;
}

std::vector<std::vector<AlignedChar>> Metaspace::words(const std::vector<AlignedChar>& chars,
                                                       std::size_t offset) const {
  using Chars = std::vector<AlignedChar>;
  std::vector<Chars> words;
  const auto on_part = [&](const Chars& part) {
    if (part.empty()) return;
    const Chars marked = options_.metaspace ? mark(part, offset) : part;
    for (const AlignedChar& a : marked) {
      const bool begins = words.empty() || &a == marked.data() ||
                          (options_.metaspace && options_.split && a.c == mark_char_);
      if (begins) words.emplace_back();
      words.back().push_back(a);
    }
  };
  if (!options_.whitespace_split) {
    on_part(chars);
    return words;
  }
  Chars part;
  for (const AlignedChar& a : chars) {
    if (is_space(a.c)) {
      on_part(std::exchange(part, {}));
    } else {
      part.push_back(a);
    }
  }
  on_part(part);
  return words;
}

}  // namespace crossrank::text

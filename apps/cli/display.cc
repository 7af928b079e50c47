// Text for a terminal, by the C library's table of character widths.
#include "display.h"

#include <wchar.h>  // wcwidth is POSIX, not in <cwchar>

#include <algorithm>
#include <clocale>
#include <limits>

#include "base/utf8.h"

namespace crossrank::cli {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// wcwidth answers for the characters of the locale; C.UTF-8 is part of the C library.
bool has_width_table() {
  static const bool kLoaded = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
  return kLoaded;
}

// C0, DEL, C1, and the two Unicode line breaks.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

// Marks that reorder the text behind them: a document must not rearrange our columns.
bool is_bidi_control(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0x061C;
}

// Columns of a character, or -1 if it cannot be shown.
int width_of(char32_t c) {
  if (c >= 0x20 && c < 0x7F) return 1;
  if (is_bidi_control(c)) return -1;
  return has_width_table() ? ::wcwidth(static_cast<wchar_t>(c)) : 1;
}

// Calls `use(character, columns)` for what snippet() and printable_lines() show, until it says no.
template <typename Use>
void for_each_shown(std::string_view text, Use use) {
  for (std::size_t pos = 0; pos < text.size();) {
    char32_t c = base::decode_utf8(text, pos);
    int width = 1;
    if (!is_control(c)) {
      width = width_of(c);
      if (width < 0) {
        c = kReplacement;
        width = 1;
      }
    }
    if (!use(c, static_cast<std::size_t>(width))) return;
  }
}

// Enough bytes for `width` columns in any text that a person would read: a character has at most 4
// bytes, and some have no width (combining marks).
std::string_view head(std::string_view text, std::size_t width) {
  const std::size_t bytes = width > kNoLimit / 64 ? kNoLimit : 64 * (width + 1);
  return text.substr(0, std::min(bytes, text.size()));
}

}  // namespace

std::string snippet(std::string_view text, std::size_t width) {
  const std::string_view start = head(text, width);
  const auto repaired = base::repair_utf8(start);
  std::string out;
  std::size_t used = 0;
  std::size_t cut = 0;  // bytes of `out` that leave room for the ellipsis
  bool pending_space = false;
  bool fits = start.size() == text.size();
  const auto add = [&](char32_t c, std::size_t columns) {
    if (used + columns > width) return fits = false;
    base::append_utf8(out, c);
    used += columns;
    if (used < width) cut = out.size();
    return true;
  };
  for_each_shown(repaired ? *repaired : start, [&](char32_t c, std::size_t columns) {
    if (is_control(c) || c == ' ') {
      pending_space = !out.empty();
      return true;
    }
    if (pending_space && !add(' ', 1)) return false;
    pending_space = false;
    return add(c, columns);
  });
  if (fits) return out;
  if (width == 0) return {};
  out.resize(cut);
  return out.append(kEllipsis);
}

std::string printable_lines(std::string_view text) {
  const auto repaired = base::repair_utf8(text);
  std::string out;
  for_each_shown(repaired ? *repaired : text, [&](char32_t c, std::size_t) {
    base::append_utf8(out, is_control(c) && c != '\n' ? char32_t{' '} : c);
    return true;
  });
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for_each_shown(text, [&](char32_t, std::size_t columns) {
    width += columns;
    return true;
  });
  return width;
}

std::string Table::render(std::size_t terminal_width, bool with_titles) const {
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kMinLast = 10;  // a narrower terminal wraps the lines
  // An id or a path may take this much before it is cut; the last column has the rest.
  const std::size_t max_cell = std::max<std::size_t>(terminal_width / 3, kMinLast);
  const std::size_t last = columns_.size() - 1;

  std::vector<std::vector<std::string>> cells;
  if (with_titles) {
    cells.emplace_back();
    for (const Column& column : columns_) cells.back().push_back(column.title);
  }
  std::vector<std::size_t> widths;
  std::size_t left = 0;  // where the last column starts
  for (std::size_t c = 0; c < last; ++c) {
    std::size_t width = std::max(columns_[c].min_width, display_width(columns_[c].title));
    for (const auto& row : rows_) {
      width = std::max(width, display_width(snippet(row[c], max_cell)));
    }
    widths.push_back(width);
    left += width + kGap;
  }
  const std::size_t rest = std::max(kMinLast, terminal_width - std::min(left, terminal_width));
  for (const auto& row : rows_) {
    cells.emplace_back();
    for (std::size_t c = 0; c <= last; ++c) {
      cells.back().push_back(snippet(row[c], c == last ? rest : std::max(widths[c], max_cell)));
    }
  }

  std::string out;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t c = 0; c < last; ++c) {
      const std::size_t shown = display_width(row[c]);
      const std::string padding(widths[c] - std::min(shown, widths[c]), ' ');
      line += columns_[c].right ? padding + row[c] : row[c] + padding;
      line.append(kGap, ' ');
    }
    line += row[last];
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace crossrank::cli

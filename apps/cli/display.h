// Text for a terminal: what is safe to show, how wide it is, columns. Writes nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crossrank::cli {

// A text of at most `width` terminal columns on one line: control characters and line breaks
// become spaces, runs of white space one space, what cannot be shown (or reorders text) U+FFFD, and
// a text that is longer ends in "…". Looks at no more of `text` than it shows. Takes any bytes.
std::string snippet(std::string_view text, std::size_t width);

// The same for messages: keeps line breaks and spaces, cuts nothing.
std::string printable_lines(std::string_view text);

// Columns that a text which came out of snippet() takes.
std::size_t display_width(std::string_view text);

// Rows of cells in aligned columns. Cells are shown by snippet(); the last column is cut so that a
// row fits the terminal.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;         // numbers
    std::size_t min_width = 0;  // keeps columns in place when rows come in several tables
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void clear() { rows_.clear(); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  [[nodiscard]] std::string render(std::size_t terminal_width, bool with_titles = true) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace crossrank::cli

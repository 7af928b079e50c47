// Text for a terminal: what is shown of hostile bytes, widths, columns, the progress bar's line.
#include "apps/cli/display.h"

#include <gtest/gtest.h>

#include "apps/cli/progress_bar.h"

namespace crossrank::cli {
namespace {

TEST(Snippet, KeepsWhatFits) {
  EXPECT_EQ(snippet("abc", 3), "abc");
  EXPECT_EQ(snippet("", 3), "");
  EXPECT_EQ(snippet("日本", 4), "日本");
}

TEST(Snippet, CutsWithAnEllipsisWithinTheWidth) {
  EXPECT_EQ(snippet("abcd", 3), "ab…");
  EXPECT_EQ(snippet("日本語", 4), "日…");  // 日本… would take five columns
  EXPECT_EQ(snippet("日本語", 5), "日本…");
  EXPECT_EQ(snippet("abcd", 1), "…");
  EXPECT_EQ(snippet("abcd", 0), "");
  for (std::size_t width = 0; width < 20; ++width) {
    EXPECT_LE(display_width(snippet("a日b本c語d e\xCC\x81 f🙂g", width)), width);
  }
}

TEST(Snippet, IsOneLineOfSingleSpaces) {
  EXPECT_EQ(snippet(" \t a\r\n\n b \v c ", 20), "a b c");
  EXPECT_EQ(snippet("a\xE2\x80\xA8"
                    "b",  // U+2028
                    20),
            "a b");
}

TEST(Snippet, LetsNoControlCharacterThrough) {
  for (unsigned c = 1; c < 0xA0; ++c) {
    if (c >= 0x20 && c < 0x7F) continue;
    std::string text = "a";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += {static_cast<char>(0xC2), static_cast<char>(c)};
    }
    EXPECT_EQ(snippet(text + "b", 20), "a b") << c;
  }
  EXPECT_EQ(snippet("\x1b[31mred", 20), "[31mred");
  EXPECT_EQ(snippet(std::string_view("a\0b", 3), 20), "a b");
}

TEST(Snippet, ReplacesWhatReordersOrIsNoText) {
  EXPECT_EQ(snippet("a\xE2\x80\xAE"
                    "b",  // U+202E
                    20),
            "a\uFFFDb");
  EXPECT_EQ(snippet("a\xFF\xFE", 20), "a\uFFFD\uFFFD");
}

TEST(Snippet, LooksOnlyAtTheStartOfALongText) {
  const std::string text = "start " + std::string(std::size_t{100} << 20, 'x');
  EXPECT_EQ(snippet(text, 8), "start x…");
}

TEST(PrintableLines, KeepsLineBreaksAndCutsNothing) {
  EXPECT_EQ(printable_lines("a\x1b[2J\nb\xFF  c"), "a [2J\nb\uFFFD  c");
}

TEST(Table, AlignsColumnsByWhatIsShown) {
  Table table({{"n", true}, {"id"}, {"text"}});
  table.add_row({"1", "東京", "first"});
  table.add_row({"10", "e\xCC\x81", "second"});
  EXPECT_EQ(table.render(80),
            " n  id    text\n"
            " 1  東京  first\n"
            "10  e\xCC\x81     second\n");
}

TEST(Table, CutsTheLastColumnToTheTerminal) {
  Table table({{"id"}, {"text"}});
  table.add_row({std::string(100, 'i'), std::string(100, 't')});
  const std::string text = table.render(30, /*with_titles=*/false);
  EXPECT_EQ(display_width(text.substr(0, text.size() - 1)), 30u);
  EXPECT_EQ(text, std::string(9, 'i') + "…  " + std::string(17, 't') + "…\n");
}

TEST(Table, HasTitlesWithoutRows) { EXPECT_EQ(Table({{"a"}, {"b"}}).render(80), "a  b\n"); }

TEST(Progress, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(progress_text("score", ProgressBar::Unit::kPairs, 2500, 0.25, 10, 90),
            "score  [##########------------------------------]  25%  2,500 pairs  250/s  ETA 0:30");
  EXPECT_EQ(progress_text("score", ProgressBar::Unit::kPairs, 1, 1.0 / 4000, 1, 90).substr(52),
            "0%  1 pairs  1/s  ETA 1:06:39");
}

TEST(Progress, FitsANarrowTerminal) {
  for (std::size_t width = 1; width < 100; ++width) {
    EXPECT_LE(progress_text("pull", ProgressBar::Unit::kBytes, 12345678, 0.5, 3, width).size(),
              width);
  }
}

TEST(Progress, WithoutATotalShowsWhatItKnows) {
  EXPECT_EQ(progress_text("pull", ProgressBar::Unit::kBytes, 91600000, -1, 10, 80),
            "pull  91.6 MB  9.2 MB/s");
}

TEST(Numbers, AreReadable) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(with_unit(999), "999 B");
  EXPECT_EQ(with_unit(1000), "1.0 kB");
  EXPECT_EQ(with_unit(999960), "1.0 MB");
}

}  // namespace
}  // namespace crossrank::cli

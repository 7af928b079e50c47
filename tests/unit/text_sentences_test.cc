// Where sentences begin, on texts whose words are one token each.
#include "text/sentences.h"

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool is_space(char32_t c) { return c <= U' ' || c == U'\u3000' || c == U'\u2029'; }
bool is_punctuation(char32_t c) {
  return c < 0x80 ? std::ispunct(static_cast<int>(c)) != 0
                  : c == U'\u3002' || c == U'\uFF1F' || c == U'\u201D' || c == U'\u300D';
}

// As a tokenizer for words has them: runs without white space, each punctuation mark alone.
std::vector<ByteSpan> words(std::string_view text) {
  std::vector<ByteSpan> spans;
  bool in_word = false;
  for (std::size_t pos = 0; pos < text.size();) {
    const auto begin = static_cast<std::uint32_t>(pos);
    const char32_t c = base::decode_utf8(text, pos);
    const auto end = static_cast<std::uint32_t>(pos);
    if (in_word && !is_space(c) && !is_punctuation(c)) {
      spans.back().end = end;
    } else if (!is_space(c)) {
      spans.push_back({begin, end});
    }
    in_word = !is_space(c) && !is_punctuation(c);
  }
  return spans;
}

// The sentences of a text, joined again with "|" where one begins.
std::string cut(std::string_view text) {
  const std::vector<ByteSpan> spans = words(text);
  std::string out(text);
  const auto starts = sentence_starts(text, spans);
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    out.insert(spans[*start].begin, "|");
  }
  return out;
}

TEST(SentenceStarts, EndAtMarksWithWhiteSpaceBehind) {
  EXPECT_EQ(cut("One two. Three! Four? Five"), "One two. |Three! |Four? |Five");
  EXPECT_EQ(cut("One two.Three 3.5 a.b"), "One two.Three 3.5 a.b");
  EXPECT_EQ(cut("What?! No... \u2026 Yes"), "What?! |No... |\u2026 |Yes");
  EXPECT_EQ(cut("One.\nTwo.\tThree."), "One.\n|Two.\t|Three.");
}

TEST(SentenceStarts, AreNotBeforeASmallLetter) {
  EXPECT_EQ(cut("e.g. this, i.e. that. 5 is more."), "e.g. this, i.e. that. |5 is more.");
}

TEST(SentenceStarts, LeaveQuotesAndBracketsWithWhatTheyClose) {
  EXPECT_EQ(cut("He said \"no.\" (Really.) [Ok.] \u201CYes.\u201D So"),
            "He said \"no.\" |(Really.) |[Ok.] |\u201CYes.\u201D |So");
}

TEST(SentenceStarts, NeedNoWhiteSpaceBehindAMarkOfFullWidth) {
  EXPECT_EQ(cut("\u732B\u3002\u72AC\uFF1F\u300C\u9CE5\u3002\u300D\u9B5A"),
            "\u732B\u3002|\u72AC\uFF1F|\u300C\u9CE5\u3002\u300D|\u9B5A");
  EXPECT_EQ(cut("\u732B\u3002 \u72AC"), "\u732B\u3002 |\u72AC");
}

TEST(SentenceStarts, EndAtABlankLineWithoutAMark) {
  EXPECT_EQ(cut("A heading\n\nthen text\nwrapped"), "A heading\n\n|then text\nwrapped");
  EXPECT_EQ(cut("A heading\r\n \r\nthen"), "A heading\r\n \r\n|then");
  EXPECT_EQ(cut("a\u2029b c"), "a\u2029|b c");
}

TEST(SentenceStarts, AreNeverTheFirstTokenNorBehindTheLast) {
  for (const char* text : {"", " ", ".", ". ", "One.", "One. ", " \n\n One. \n\n"}) {
    EXPECT_THAT(sentence_starts(text, words(text)), IsEmpty()) << '"' << text << '"';
  }
  EXPECT_THAT(sentence_starts("One. Two", {}), IsEmpty());
}

TEST(SentenceStarts, NameTheTokenThatHoldsTheByte) {
  // A piece of SentencePiece begins with the white space before it.
  const std::vector<ByteSpan> pieces = {{0, 4}, {4, 8}, {8, 12}};
  EXPECT_THAT(sentence_starts("One. Two. Si", pieces), ElementsAre(1, 2));
  // One token over two sentences, as [UNK] may be, is named once.
  const std::vector<ByteSpan> unknown = {{0, 2}, {3, 12}};
  EXPECT_THAT(sentence_starts("a. B. C. Dxx", unknown), ElementsAre(1));
}

}  // namespace
}  // namespace crossrank::text

// WordPiece on small vocabularies.
#include "text/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossrank::text {
namespace {

using testing::ElementsAre;

const std::vector<VocabEntry> kVocab = {{"[UNK]", 0},  {"un", 1},       {"##aff", 2}, {"##able", 3},
                                        {"a", 4},      {"##a", 5},      {"##", 6},    {"aff", 7},
                                        {"\u00e9", 8}, {"##\u00e9", 9}, {"ab", 10}};

WordPiece make(const WordPieceOptions& options = {}) {
  return WordPiece::make(kVocab, options).value();
}

std::vector<std::int32_t> encode(const WordPiece& wordpiece, std::string_view word) {
  std::vector<std::int32_t> ids;
  wordpiece.encode(word, ids);
  return ids;
}

TEST(WordPiece, TakesTheLongestTokenFirst) {
  const WordPiece wordpiece = make();
  EXPECT_THAT(encode(wordpiece, "unaffable"), ElementsAre(1, 2, 3));
  EXPECT_THAT(encode(wordpiece, "aaa"), ElementsAre(4, 5, 5));
  EXPECT_THAT(encode(wordpiece, "aff"), ElementsAre(7));
  EXPECT_THAT(encode(wordpiece, "a\u00e9"), ElementsAre(4, 9));
}

TEST(WordPiece, AWordWithAnUnknownPartIsUnknown) {
  const WordPiece wordpiece = make();
  EXPECT_THAT(encode(wordpiece, "unx"), ElementsAre(0));
  EXPECT_THAT(encode(wordpiece, "aba"), ElementsAre(10, 5));
  EXPECT_THAT(encode(wordpiece, "abb"), ElementsAre(0));  // greedy: "a" is not tried again
}

TEST(WordPiece, AppendsAndTellsWhereTokensEnd) {
  const WordPiece wordpiece = make();
  std::vector<std::int32_t> ids = {42};
  std::vector<std::size_t> ends = {7, 7};
  wordpiece.encode("unaffable", ids, &ends);
  EXPECT_THAT(ids, ElementsAre(42, 1, 2, 3));
  EXPECT_THAT(ends, ElementsAre(2, 5, 9));
  wordpiece.encode("unaffx", ids, &ends);
  EXPECT_THAT(ids, ElementsAre(42, 1, 2, 3, 0));
  EXPECT_THAT(ends, ElementsAre(6));
}

TEST(WordPiece, CountsCharactersNotBytes) {
  const WordPiece wordpiece = make({.max_input_chars_per_word = 3});
  EXPECT_THAT(encode(wordpiece, "\u00e9\u00e9\u00e9"), ElementsAre(8, 9, 9));
  EXPECT_THAT(encode(wordpiece, "\u00e9\u00e9\u00e9\u00e9"), ElementsAre(0));
  EXPECT_THAT(encode(wordpiece, "aaaa"), ElementsAre(0));
}

TEST(WordPiece, OtherPrefixes) {
  EXPECT_THAT(encode(make({.continuing_subword_prefix = ""}), "aunaff"), ElementsAre(4, 1, 7));
  EXPECT_THAT(encode(make({.continuing_subword_prefix = "@@"}), "aa"), ElementsAre(0));
  EXPECT_THAT(encode(make(), "##aff"), ElementsAre(2));  // a word may begin like a continuation
}

TEST(WordPiece, NeedsItsUnknownToken) {
  const auto made = WordPiece::make(kVocab, {.unk_token = "<unk>"});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::kBadTokenizer);
  EXPECT_THAT(made.error().message, testing::HasSubstr("<unk>"));
}

}  // namespace
}  // namespace crossrank::text

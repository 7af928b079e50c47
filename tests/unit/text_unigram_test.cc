// Unigram: the best way through a word. Whole texts against the reference are in tests/tokenizer.
#include "text/unigram.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossrank::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Piece {
  std::string token;
  double score;
};

// Piece 0 is the unknown one.
Result<Unigram> make(const std::vector<Piece>& pieces, bool byte_fallback = false) {
  std::vector<VocabEntry> vocab;
  UnigramOptions options;
  options.byte_fallback = byte_fallback;
  for (const Piece& piece : pieces) {
    vocab.push_back({piece.token, static_cast<std::int32_t>(vocab.size())});
    options.scores.push_back(piece.score);
  }
  return Unigram::make(vocab, options);
}

std::vector<std::int32_t> encode(const Unigram& unigram, std::string_view word) {
  Unigram::Scratch scratch;
  std::vector<std::int32_t> ids;
  unigram.encode(word, scratch, ids);
  return ids;
}

TEST(Unigram, TakesTheBestSum) {
  const Unigram unigram =
      make({{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}, {"bc", -1}, {"c", -9}}).value();
  EXPECT_THAT(encode(unigram, ""), ElementsAre());
  EXPECT_THAT(encode(unigram, "ab"), ElementsAre(3));
  EXPECT_THAT(encode(unigram, "abc"), ElementsAre(1, 4));
  EXPECT_THAT(encode(unigram, "abab"), ElementsAre(3, 3));
}

TEST(Unigram, OfEqualSumsTheFirstFoundStays) {
  const Unigram unigram = make({{"<unk>", 0}, {"a", -1}, {"aa", -2}, {"aaa", -3}}).value();
  EXPECT_THAT(encode(unigram, "aa"), ElementsAre(2));
  EXPECT_THAT(encode(unigram, "aaa"), ElementsAre(3));
  EXPECT_THAT(encode(unigram, "aaaa"), ElementsAre(1, 3));
}

TEST(Unigram, UnknownCharactersAreOne) {
  const Unigram unigram = make({{"<unk>", 0}, {"a", -1}, {"a\u00e9", -2}}).value();
  EXPECT_THAT(encode(unigram, "xyz"), ElementsAre(0));
  EXPECT_THAT(encode(unigram, "xy<unk>z"), ElementsAre(0));
  EXPECT_THAT(encode(unigram, "xa\u4f60\u597dax"), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(encode(unigram, "a\u00e9\u00e9"), ElementsAre(2, 0));
}

TEST(Unigram, OfEqualPiecesTheLastCounts) {
  const Unigram unigram = make({{"<unk>", 0}, {"a", -1}, {"", -1}, {"a", -2}}).value();
  EXPECT_THAT(encode(unigram, "aa"), ElementsAre(3, 3));
}

TEST(Unigram, BytesStandForUnknownCharactersIfAllAreThere) {
  std::vector<Piece> pieces = {{"<unk>", 0}, {"a", -1}, {"<0xC3>", -1}, {"<0xA9>", -1}};
  EXPECT_THAT(encode(make(pieces).value(), "\u00e9"), ElementsAre(0));
  const Unigram unigram = make(pieces, true).value();
  EXPECT_THAT(encode(unigram, "a\u00e9a"), ElementsAre(1, 2, 3, 1));
  EXPECT_THAT(encode(unigram, "\u00e9\u00e8"), ElementsAre(0));
  std::vector<std::int32_t> ids;
  std::vector<ByteSpan> spans;
  Unigram::Scratch scratch;
  unigram.encode("a\u00e9", scratch, ids, &spans);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[1].begin, 1u);
  EXPECT_EQ(spans[1].end, 3u);
  EXPECT_EQ(spans[2].begin, 1u);
}

TEST(Unigram, PiecesThatNeverMeetTakeLinearTimeAndMemory) {
  std::vector<Piece> pieces = {{"<unk>", 0}};
  for (std::size_t length = 1; length <= 1024; length *= 2) {
    pieces.push_back({std::string(length, 'a'), -1.0});
  }
  const Unigram unigram = make(pieces).value();
  EXPECT_EQ(encode(unigram, std::string(1 << 16, 'a')).size(), 64u);
  pieces.push_back({std::string(1025, 'a'), -1.0});
  const Result<Unigram> refused = make(pieces);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadTokenizer);
  EXPECT_THAT(refused.error().message, HasSubstr("1025 bytes"));
}

// What `tokenizers` 0.23.3 writes after having read the first number.
TEST(ScoreAsRead, RoundsLikeTheReferencesReader) {
  EXPECT_EQ(score_as_read(-15.774467468261719), -15.77446746826172);
  EXPECT_EQ(score_as_read(-1.8771917819976807), -1.8771917819976809);
  EXPECT_EQ(score_as_read(-18.728811264038086), -18.72881126403809);
  EXPECT_EQ(score_as_read(-3.5), -3.5);
  EXPECT_EQ(score_as_read(0.0), 0.0);
  EXPECT_EQ(score_as_read(1e300), 1e300);
  EXPECT_EQ(score_as_read(-1e-7), -1e-7);
}

}  // namespace
}  // namespace crossrank::text

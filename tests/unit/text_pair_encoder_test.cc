// Truncation, chunks and the layout of a pair. longest_first against the reference on thousands of
// cases is in tests/tokenizer/compare.py.
#include "text/pair_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace crossrank::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CutRules rules(std::size_t max_length, Truncation policy = Truncation::kLongestFirst) {
  CutRules out;
  out.max_length = max_length;
  out.policy = policy;
  return out;
}

std::pair<std::size_t, std::size_t> longest_first(std::size_t query, std::size_t document,
                                                  std::size_t max_length) {
  const PairCut cut = cut_pair(query, document, rules(max_length)).value();
  EXPECT_EQ(cut.query_begin, 0u);
  EXPECT_EQ(cut.document_begin, 0u);
  EXPECT_LE(cut.length(), max_length);
  return {cut.query_tokens, cut.document_tokens};
}

using Kept = std::pair<std::size_t, std::size_t>;

TEST(LongestFirst, KeepsWhatFits) {
  EXPECT_EQ(longest_first(5, 7, 15), Kept(5, 7));
  EXPECT_EQ(longest_first(0, 0, 3), Kept(0, 0));
}

TEST(LongestFirst, CutsTheLongerSideFirst) {
  EXPECT_EQ(longest_first(4, 100, 23), Kept(4, 16));
  EXPECT_EQ(longest_first(100, 4, 23), Kept(16, 4));
  EXPECT_EQ(longest_first(10, 11, 23), Kept(10, 10));
}

TEST(LongestFirst, CutsBothToHalfAndTheOddTokenGoesToTheLonger) {
  EXPECT_EQ(longest_first(50, 60, 24), Kept(10, 11));
  EXPECT_EQ(longest_first(60, 50, 24), Kept(11, 10));
  EXPECT_EQ(longest_first(50, 50, 24), Kept(10, 11));  // equal: the document is the longer
}

TEST(LongestFirst, LeavesNothingAtTheLeastLength) {
  EXPECT_EQ(longest_first(5, 9, 3), Kept(0, 0));
  EXPECT_EQ(longest_first(5, 9, 4), Kept(0, 1));
  EXPECT_EQ(longest_first(9, 5, 4), Kept(1, 0));
  EXPECT_EQ(longest_first(0, 9, 4), Kept(0, 1));
}

TEST(CutPair, FromTheLeftKeepsTheEnds) {
  CutRules left = rules(13);
  left.truncate_left = true;
  const PairCut cut = cut_pair(20, 30, left).value();
  EXPECT_EQ(cut.query_begin, 15u);
  EXPECT_EQ(cut.query_tokens, 5u);
  EXPECT_EQ(cut.document_begin, 25u);
  EXPECT_EQ(cut.document_tokens, 5u);
  EXPECT_EQ(cut_pair(2, 3, left).value().query_begin, 0u);
}

// Callers hold only what a cut can keep, so a range behind it would lie outside.
TEST(CutPair, ASideOfWhichNothingIsKeptBeginsAtZero) {
  for (const std::size_t max_length : {3, 4}) {
    CutRules left = rules(max_length);
    left.truncate_left = true;
    const PairCut cut = cut_pair(20, 30, left).value();
    EXPECT_EQ(cut.query_tokens, 0u);
    EXPECT_EQ(cut.query_begin, 0u);
    EXPECT_EQ(cut.document_begin, max_length == 3 ? 0u : 29u);
    EXPECT_EQ(cut_pair(30, 20, left).value().document_begin, 0u);
  }
  CutRules left = rules(10, Truncation::kDocumentOnly);
  left.truncate_left = true;
  EXPECT_EQ(cut_pair(6, 30, left).value().document_begin, 29u);
}

TEST(CutPair, ABoundOnTheDocumentComesFirst) {
  CutRules bounded = rules(20);
  bounded.max_document_tokens = 4;
  PairCut cut = cut_pair(10, 30, bounded).value();
  EXPECT_EQ(cut.query_tokens, 10u);  // 10 + 4 fit, so that nothing else is cut
  EXPECT_EQ(cut.document_tokens, 4u);
  EXPECT_EQ(cut.document_begin, 0u);
  EXPECT_EQ(cut_pair(10, 3, bounded).value().document_tokens, 3u);
  bounded.truncate_left = true;
  cut = cut_pair(10, 30, bounded).value();
  EXPECT_EQ(cut.document_begin, 26u);
  EXPECT_EQ(cut.query_begin, 0u);
  bounded.policy = Truncation::kError;  // the caller's own bound is no error
  EXPECT_EQ(cut_pair(10, 30, bounded).value().document_tokens, 4u);
  EXPECT_FALSE(cut_pair(14, 30, bounded).ok());
  bounded.policy = Truncation::kChunkMax;
  bounded.chunk = {.tokens = 3, .overlap = 1};
  const auto chunks = chunk_pair(2, 30, {}, bounded).value();
  EXPECT_EQ(chunks.back().document_begin + chunks.back().document_tokens, 4u);
}

TEST(CutPair, DocumentOnlyNeverCutsTheQuery) {
  const CutRules document_only = rules(13, Truncation::kDocumentOnly);
  const PairCut cut = cut_pair(9, 30, document_only).value();
  EXPECT_EQ(cut.query_tokens, 9u);
  EXPECT_EQ(cut.document_tokens, 1u);
  EXPECT_EQ(cut_pair(10, 0, document_only).value().query_tokens, 10u);
  const auto refused = cut_pair(10, 30, document_only);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("query of 10 tokens, document of 30"));
}

TEST(CutPair, ErrorPolicyRefusesWithTheLengths) {
  const CutRules strict = rules(13, Truncation::kError);
  EXPECT_EQ(cut_pair(5, 5, strict).value().length(), 13u);
  const auto refused = cut_pair(5, 6, strict);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLong);
  EXPECT_THAT(refused.error().message, HasSubstr("14 tokens"));
  EXPECT_THAT(refused.error().message, HasSubstr("max_length 13"));
}

TEST(CutPair, NeedsRoomForTheSpecialTokens) {
  for (const std::size_t max_length : {0, 1, 2}) {
    const auto refused = cut_pair(1, 1, rules(max_length));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("at least 3"));
  }
}

TEST(CutPair, HoldsWithoutALimit) {
  const CutRules none = rules(std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(cut_pair(1000, 1'000'000, none).value().length(), 1'001'003u);
}

TEST(CutPair, APolicyOutsideTheEnumIsRefused) {
  const auto refused = cut_pair(1, 1, rules(13, static_cast<Truncation>(77)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("truncation is 77"));
}

CutRules chunks(std::size_t max_length, std::size_t tokens, std::size_t overlap,
                std::size_t max_chunks = 32) {
  CutRules out = rules(max_length, Truncation::kChunkMax);
  out.chunk.tokens = tokens;
  out.chunk.overlap = overlap;
  out.chunk.max_chunks = max_chunks;
  return out;
}

using Numbers = std::vector<std::uint32_t>;

std::vector<std::pair<std::size_t, std::size_t>> chunks_of(std::size_t query, std::size_t document,
                                                           const CutRules& with,
                                                           const Numbers& sentences = {}) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (const PairCut& cut : chunk_pair(query, document, sentences, with).value()) {
    EXPECT_EQ(cut.query_begin, 0u);
    EXPECT_EQ(cut.query_tokens, query);
    EXPECT_LE(cut.length(), with.max_length);
    out.emplace_back(cut.document_begin, cut.document_begin + cut.document_tokens);
  }
  return out;
}

TEST(ChunkPair, ChunksOverlapAndEndWithTheDocument) {
  EXPECT_THAT(chunks_of(3, 25, chunks(512, 10, 2)),
              ElementsAre(Kept(0, 10), Kept(8, 18), Kept(15, 25)));
  EXPECT_THAT(chunks_of(3, 26, chunks(512, 10, 2)),
              ElementsAre(Kept(0, 10), Kept(8, 18), Kept(16, 26)));
  EXPECT_THAT(chunks_of(3, 20, chunks(512, 10, 0)), ElementsAre(Kept(0, 10), Kept(10, 20)));
}

TEST(ChunkPair, AShortDocumentIsOneChunk) {
  EXPECT_THAT(chunks_of(3, 10, chunks(512, 10, 2)), ElementsAre(Kept(0, 10)));
  EXPECT_THAT(chunks_of(3, 1, chunks(512, 10, 2)), ElementsAre(Kept(0, 1)));
  EXPECT_THAT(chunks_of(3, 0, chunks(512, 10, 2)), ElementsAre(Kept(0, 0)));
}

TEST(ChunkPair, NoChunkLiesWithinAnotherAndNoTokenIsMissed) {
  std::mt19937 random(3);
  for (std::size_t document = 1; document < 60; ++document) {
    for (std::size_t tokens = 1; tokens < 12; ++tokens) {
      for (std::size_t overlap = 0; overlap < tokens; ++overlap) {
        Numbers sentences;
        for (std::uint32_t i = 1; i < 70; ++i) {
          if (random() % (1 + (document + tokens) % 9) == 0) sentences.push_back(i);
        }
        const auto all = chunks_of(2, document, chunks(10, tokens, overlap, 1000), sentences);
        std::size_t covered = 0, last_begin = 0;
        for (const auto& [begin, end] : all) {
          ASSERT_LE(begin, covered);
          ASSERT_GT(end, covered);
          ASSERT_TRUE(begin > last_begin || covered == 0);
          covered = end;
          last_begin = begin;
        }
        ASSERT_EQ(covered, document);
        const auto plain = chunks_of(2, document, chunks(10, tokens, overlap, 1000));
        ASSERT_LE(all.size(), 2 * plain.size());
      }
    }
  }
}

TEST(ChunkPair, ChunksEndAndBeginWithSentencesWhereTheyCan) {
  // Sentences of 4, 3, 6 and 9 tokens; chunks of 10 that may share 4.
  const Numbers sentences = {4, 7, 13};
  EXPECT_THAT(chunks_of(3, 22, chunks(512, 10, 4), sentences),
              ElementsAre(Kept(0, 7),      // the next sentence would not fit
                          Kept(4, 13),     // the sentence of 3 again
                          Kept(13, 22)));  // nothing again: the sentence of 6 is above 4
  // A sentence longer than a chunk is cut, and the overlap is exact there.
  EXPECT_THAT(chunks_of(3, 30, chunks(512, 10, 4), Numbers{25}),
              ElementsAre(Kept(0, 10), Kept(6, 16), Kept(12, 22), Kept(18, 25), Kept(25, 30)));
  // No chunk ends in its first part, not even with a sentence.
  EXPECT_THAT(chunks_of(3, 20, chunks(512, 10, 4), Numbers{5, 12}),
              ElementsAre(Kept(0, 10), Kept(6, 16), Kept(12, 20)));
}

TEST(ChunkPair, TheLastChunkReachesBackToASentence) {
  EXPECT_THAT(chunks_of(3, 13, chunks(512, 10, 2), Numbers{3, 5, 8, 10}),
              ElementsAre(Kept(0, 10), Kept(3, 13)));
  // Where none begins in its reach, to a part of one.
  EXPECT_THAT(chunks_of(3, 13, chunks(512, 10, 2), Numbers{2, 10}),
              ElementsAre(Kept(0, 10), Kept(3, 13)));
  EXPECT_THAT(chunks_of(3, 9, chunks(512, 10, 2), Numbers{3, 5}), ElementsAre(Kept(0, 9)));
}

TEST(ChunkPair, FirstIsOneChunkAndMaxDocumentTokensBoundsThemAll) {
  CutRules first = chunks(512, 10, 2);
  first.policy = Truncation::kFirst;
  EXPECT_THAT(chunks_of(3, 100, first), ElementsAre(Kept(0, 10)));
  EXPECT_THAT(chunks_of(3, 100, first, {8, 20}), ElementsAre(Kept(0, 8)));
  EXPECT_THAT(chunks_of(3, 10, first, {8}), ElementsAre(Kept(0, 10)));
  CutRules bounded = chunks(512, 10, 2);
  bounded.max_document_tokens = 14;
  EXPECT_THAT(chunks_of(3, 100, bounded, {8, 14, 16}), ElementsAre(Kept(0, 8), Kept(8, 14)));
}

TEST(ChunkPair, ALongQueryMakesChunksSmaller) {
  EXPECT_THAT(chunks_of(5, 10, chunks(12, 10, 2)),
              ElementsAre(Kept(0, 4), Kept(2, 6), Kept(4, 8), Kept(6, 10)));
  // Room for 4, an overlap of 8: half of each chunk is new.
  EXPECT_THAT(chunks_of(5, 8, chunks(12, 10, 8)), ElementsAre(Kept(0, 4), Kept(2, 6), Kept(4, 8)));
  EXPECT_THAT(chunks_of(8, 2, chunks(12, 10, 8)), ElementsAre(Kept(0, 1), Kept(1, 2)));
}

TEST(ChunkPair, StopsAtMaxChunks) {
  EXPECT_THAT(chunks_of(3, 1000, chunks(512, 10, 2, 2)), ElementsAre(Kept(0, 10), Kept(8, 18)));
}

TEST(ChunkPair, RefusesAQueryThatLeavesNoRoom) {
  const auto refused = chunk_pair(9, 5, {}, chunks(12, 10, 2));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(chunk_pair(9, 0, {}, chunks(12, 10, 2)).ok());
  EXPECT_FALSE(chunk_pair(10, 0, {}, chunks(12, 10, 2)).ok());
}

TEST(CheckRules, RefusesChunksThatDoNotAdvance) {
  for (const CutRules& bad : {chunks(512, 0, 0), chunks(512, 5, 5), chunks(512, 5, 6),
                              chunks(512, 5, 1, 0), chunks(2, 5, 1)}) {
    const auto checked = check_rules(bad);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(check_rules(chunks(3, 5, 4)).ok());
  CutRules unused = chunks(512, 0, 0);
  unused.policy = Truncation::kLongestFirst;
  EXPECT_TRUE(check_rules(unused).ok());
}

TEST(WritePair, PutsSpecialTokensAndTypes) {
  const std::vector<std::int32_t> query = {11, 12, 13}, document = {21, 22, 23, 24};
  PairCut cut;
  cut.query_begin = 1;
  cut.query_tokens = 2;
  cut.document_begin = 1;
  cut.document_tokens = 2;
  std::vector<std::int32_t> ids(cut.length() + 1, -1), types(cut.length() + 1, -1);
  write_pair(query, document, cut, {101, 102}, ids.data(), types.data());
  EXPECT_THAT(ids, ElementsAre(101, 12, 13, 102, 22, 23, 102, -1));
  EXPECT_THAT(types, ElementsAre(0, 0, 0, 0, 1, 1, 1, -1));
}

TEST(WritePair, HoldsWithoutTokens) {
  std::vector<std::int32_t> ids(3), types(3);
  write_pair({}, {}, {}, {101, 102}, ids.data(), types.data());
  EXPECT_THAT(ids, ElementsAre(101, 102, 102));
  EXPECT_THAT(types, ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace crossrank::text

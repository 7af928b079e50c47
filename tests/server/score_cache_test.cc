// ScoreCache: keys, recency, and its bound.
#include "apps/server/score_cache.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace crossrank::server {
namespace {

ScoreCache::Score scored(float logit) {
  ScoreCache::Score score;
  score.pair.logit = logit;
  score.span.end_byte = 7;
  return score;
}

TEST(ScoreCache, KeysSeparateEverythingAScoreDependsOn) {
  ScoringRules shorter;
  shorter.max_length = 100;
  ScoringRules bounded;
  bounded.max_document_tokens = 100;
  ScoringRules strict;
  strict.truncation = Truncation::kError;
  ScoringRules left;
  left.side = TruncationSide::kLeft;
  ScoringRules chunks;
  chunks.truncation = Truncation::kChunkMax;
  ScoringRules small_chunks = chunks, overlapping = chunks, few_chunks = chunks;
  small_chunks.chunk.tokens = 100;
  overlapping.chunk.overlap = 100;
  few_chunks.chunk.max_chunks = 3;
  const std::set<std::string> keys = {
      ScoreCache::key({"ab", "c"}, {}),          ScoreCache::key({"a", "bc"}, {}),
      ScoreCache::key({"abc", ""}, {}),          ScoreCache::key({"", "abc"}, {}),
      ScoreCache::key({"ab", "c"}, shorter),     ScoreCache::key({"ab", "c"}, bounded),
      ScoreCache::key({"ab", "c"}, strict),      ScoreCache::key({"ab", "c"}, left),
      ScoreCache::key({"ab", "c"}, chunks),      ScoreCache::key({"ab", "c"}, small_chunks),
      ScoreCache::key({"ab", "c"}, overlapping), ScoreCache::key({"ab", "c"}, few_chunks)};
  EXPECT_EQ(keys.size(), 12u);
  EXPECT_EQ(ScoreCache::key({"ab", "c"}, left), *keys.find(ScoreCache::key({"ab", "c"}, left)));
}

TEST(ScoreCache, ForgetsTheLeastRecentlyUsed) {
  ScoreCache cache(3 * 256);
  cache.insert("a", scored(1));
  cache.insert("b", scored(2));
  cache.insert("c", scored(3));
  EXPECT_EQ(cache.find("a")->pair.logit, 1);
  cache.insert("d", scored(4));  // "b" was used longest ago
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_FALSE(cache.find("b").has_value());
  EXPECT_EQ(cache.find("a")->pair.logit, 1);
  EXPECT_EQ(cache.find("c")->pair.logit, 3);
  EXPECT_EQ(cache.find("d")->pair.logit, 4);
  EXPECT_EQ(cache.find("d")->span.end_byte, 7u);
}

TEST(ScoreCache, OfNoBytesRemembersNothing) {
  ScoreCache cache(0);
  EXPECT_FALSE(cache.enabled());
  cache.insert("a", scored(1));
  EXPECT_FALSE(cache.find("a").has_value());
}

}  // namespace
}  // namespace crossrank::server

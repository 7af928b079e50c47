// CrossEncoder::rank on a tiny random model: order, ties, thresholds.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "engine/activation.h"
#include "tests/support/error_of.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

class CrossEncoderRank : public testing::Test {
 protected:
  CrossEncoderRank() : encoder_(CrossEncoder::load(model_.folder(), {.threads = 2}).value()) {
    std::mt19937 random(6);
    for (std::size_t i = 0; i < 60; ++i) texts_.push_back(tiny_words(random, 1 + i % 9));
    for (std::size_t i = 0; i < 20; ++i) texts_.push_back(texts_[i * 2]);  // ties
    documents_.assign(texts_.begin(), texts_.end());
    for (const std::string& text : texts_) {
      const TextPair pair = {"w1 w2", text};
      logits_.push_back(encoder_.predict({&pair, 1}).value()[0].logit);
    }
    order_.resize(texts_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return logits_[a] > logits_[b]; });
  }

  std::vector<std::size_t> ranked(const RankOptions& options) const {
    std::vector<std::size_t> indices;
    for (const RankedIndex& r : encoder_.rank("w1 w2", documents_, options).value()) {
      EXPECT_EQ(r.pair.logit, logits_[r.index]);
      EXPECT_FALSE(r.span.has_value());
      indices.push_back(r.index);
    }
    return indices;
  }

  const TinyModel model_;
  const CrossEncoder encoder_;
  std::vector<std::string> texts_;
  std::vector<std::string_view> documents_;
  std::vector<float> logits_;
  std::vector<std::size_t> order_;  // by a stable sort
};

TEST_F(CrossEncoderRank, LogitDescendingTiesByIndex) { EXPECT_EQ(ranked({}), order_); }

TEST_F(CrossEncoderRank, TopKKeepsTheTieRule) {
  for (const std::size_t k : {1, 2, 3, 7, 40, 80, 1000}) {
    RankOptions options;
    options.top_k = k;
    const std::vector<std::size_t> expected(
        order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(std::min(k, order_.size())));
    EXPECT_EQ(ranked(options), expected) << "k " << k;
  }
}

TEST_F(CrossEncoderRank, ThresholdsAreInclusive) {
  RankOptions options;
  options.min_logit = logits_[order_[10]];
  std::vector<std::size_t> expected;
  for (const std::size_t i : order_) {
    if (logits_[i] >= *options.min_logit) expected.push_back(i);
  }
  EXPECT_GE(expected.size(), 11U);
  EXPECT_EQ(ranked(options), expected);

  options.min_logit = std::nextafter(logits_[order_[0]], 1e30F);
  EXPECT_TRUE(ranked(options).empty());

  options.min_logit.reset();
  options.min_probability = engine::sigmoid(logits_[order_[10]]);
  EXPECT_GE(ranked(options).size(), expected.size());
  options.min_probability = 0.0F;
  EXPECT_EQ(ranked(options), order_);
  for (const float bad : {-0.1F, 1.5F, std::nanf("")}) {
    options.min_probability = bad;
    EXPECT_EQ(error_of(encoder_.rank("w1", documents_, options)).code, ErrorCode::kInvalidArgument);
  }
  options = {};
  options.min_logit = std::nanf("");
  EXPECT_EQ(error_of(encoder_.rank("w1", documents_, options)).code, ErrorCode::kInvalidArgument);
}

TEST_F(CrossEncoderRank, ChunkMaxGivesSpans) {
  RankOptions options;
  options.score.truncation = Truncation::kChunkMax;
  options.score.chunk = {.tokens = 3, .overlap = 1, .max_chunks = 9};
  const std::vector<RankedIndex> ranked = encoder_.rank("w1 w2", documents_, options).value();
  ASSERT_EQ(ranked.size(), documents_.size());
  for (const RankedIndex& r : ranked) {
    ASSERT_TRUE(r.span.has_value());
    EXPECT_LE(r.span->end_byte, documents_[r.index].size());
    EXPECT_LT(r.span->begin_byte, r.span->end_byte);
  }
}

}  // namespace
}  // namespace crossrank

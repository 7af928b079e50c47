// A pair's logit has the same bits whatever its batch-mates, order, batch size and threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "golden_data.h"

namespace crossrank::golden {
namespace {

using Bits = std::vector<std::vector<std::uint32_t>>;  // [pairs][labels]

Bits bits_of(const Predictions& predictions) {
  Bits out(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    for (const float logit : predictions.logits(i)) {
      out[i].push_back(std::bit_cast<std::uint32_t>(logit));
    }
  }
  return out;
}

class BatchInvariance : public testing::TestWithParam<IsaModel> {
 protected:
  void SetUp() override {
    const auto& [isa, model] = GetParam();
    pairs_ = read_pairs(model.name);
    // The built-in model is a thousand times larger than the others. 20 pairs of it cross every
    // block boundary; the slow kernels get a few.
    const bool fast = isa == isas().front();
    if (model.name == "builtin") pairs_.resize(fast ? 20 : 5);
    expected_ = bits_of(load(model.folder, isa).predict(views(pairs_)).value());
  }

  void expect_same(const Bits& actual, const std::vector<std::size_t>& order,
                   const std::string& how) {
    ASSERT_EQ(actual.size(), order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(actual[i], expected_[order[i]])
          << GetParam().isa << ", " << describe(GetParam().model.name, order[i], pairs_[order[i]])
          << ": other bits " << how;
    }
  }

  std::vector<PairCase> pairs_;
  Bits expected_;
};

TEST_P(BatchInvariance, BatchTokensThreadsAndOrder) {
  const std::vector<TextPair> texts = views(pairs_);
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(7);
  for (const std::size_t threads : {1, 2, 3}) {
    const CrossEncoder encoder = load(GetParam().model.folder, GetParam().isa, threads);
    for (const std::size_t batch_tokens : {1, 64, 512, 16384}) {
      std::shuffle(order.begin(), order.end(), random);
      std::vector<TextPair> shuffled;
      shuffled.reserve(order.size());
      for (const std::size_t i : order) shuffled.push_back(texts[i]);
      ScoreOptions options;
      options.batch_tokens = batch_tokens;
      expect_same(bits_of(encoder.predict(shuffled, options).value()), order,
                  "in another order with " + std::to_string(threads) + " threads and " +
                      std::to_string(batch_tokens) + " tokens a batch");
    }
  }
}

TEST_P(BatchInvariance, AloneAndInSmallCompany) {
  const std::vector<TextPair> texts = views(pairs_);
  const CrossEncoder encoder = load(GetParam().model.folder, GetParam().isa, 2);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    expect_same(bits_of(encoder.predict({&texts[i], 1}).value()), {i}, "alone");
  }
  // Pairs of very different lengths side by side, and the same pair several times.
  for (std::size_t i = 0; i + 1 < texts.size(); i += 3) {
    const std::size_t last = texts.size() - 1;
    const std::vector<std::size_t> order = {i, last, i, i + 1, i};
    std::vector<TextPair> few;
    few.reserve(order.size());
    for (const std::size_t j : order) few.push_back(texts[j]);
    ScoreOptions options;
    options.batch_size = 4;
    expect_same(bits_of(encoder.predict(few, options).value()), order, "in small company");
  }
}

INSTANTIATE_TEST_SUITE_P(All, BatchInvariance, testing::ValuesIn(isa_models()),
                         [](const auto& test) {
                           return test.param.isa + "_" + test.param.model.name;
                         });

}  // namespace
}  // namespace crossrank::golden

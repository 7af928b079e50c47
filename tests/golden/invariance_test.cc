// A pair's logit has the same bits whatever its batch-mates, order, batch size and threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
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
    const auto& [isa, model, precision] = GetParam();
    pairs_ = read_pairs(model.name);
    // The built-in model is a thousand times larger than the others. 20 pairs of it cross every
    // block boundary; the slow kernels get a few.
    const bool fast = isa == isas().front();
    if (model.name == "builtin") pairs_.resize(fast ? 20 : 5);
    expected_ = bits_of(load(model.folder, isa, 1, precision).predict(views(pairs_)).value());
  }

  void expect_same(const Bits& actual, const std::vector<std::size_t>& order,
                   const std::string& how) {
    ASSERT_EQ(actual.size(), order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(actual[i], expected_[order[i]])
          << GetParam() << ": " << describe(GetParam().model.name, order[i], pairs_[order[i]])
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
    const CrossEncoder encoder =
        load(GetParam().model.folder, GetParam().isa, threads, GetParam().precision);
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
  const CrossEncoder encoder =
      load(GetParam().model.folder, GetParam().isa, 2, GetParam().precision);
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

// On the built-in model: what narrow arithmetic changes is small, and changes no clear order.
class NarrowLogits : public testing::TestWithParam<IsaModel> {};

TEST_P(NarrowLogits, AreNearFp32) {
  const IsaModel& p = GetParam();
  std::vector<PairCase> pairs = read_pairs(p.model.name);
  if (p.isa != isas().front()) pairs.resize(10);
  const Predictions got = load(p.model.folder, p.isa, 2, p.precision).predict(views(pairs)).value();
  const double bound = p.precision == Precision::kBf16 ? 0.1 : 0.7;
  double worst = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double difference = std::abs(double{got[i].logit} - double{pairs[i].logits[0]});
    worst = std::max(worst, difference);
    EXPECT_LE(difference, bound) << describe(p.model.name, i, pairs[i]);
    for (std::size_t j = 0; j < i; ++j) {
      if (pairs[i].logits[0] - pairs[j].logits[0] > 2 * bound) {
        EXPECT_GT(got[i].logit, got[j].logit) << i << " and " << j;
      }
    }
  }
  EXPECT_GT(worst, 0) << "the logits of fp32 to the bit: another arithmetic was taken";
}

std::vector<IsaModel> builtin_in_narrow_arithmetic() {
  std::vector<IsaModel> out;
  for (const Precision precision : {Precision::kBf16, Precision::kInt8}) {
    for (const IsaModel& p : isa_models(precision)) {
      if (p.model.name == "builtin") out.push_back(p);
    }
  }
  return out;
}

const auto name_of = [](const auto& test) { return test.param.name(); };
INSTANTIATE_TEST_SUITE_P(Fp32, BatchInvariance, testing::ValuesIn(isa_models(Precision::kFp32)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Bf16, BatchInvariance, testing::ValuesIn(isa_models(Precision::kBf16)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Int8, BatchInvariance, testing::ValuesIn(isa_models(Precision::kInt8)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Narrow, NarrowLogits, testing::ValuesIn(builtin_in_narrow_arithmetic()),
                         name_of);

}  // namespace
}  // namespace crossrank::golden

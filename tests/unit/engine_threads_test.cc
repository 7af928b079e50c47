// One CrossEncoder and many threads: identical bits, and no race for ThreadSanitizer to find.
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

std::uint32_t bits(const ScoredPair& pair) { return std::bit_cast<std::uint32_t>(pair.logit); }

TEST(CrossEncoderThreads, EightCallersGetTheBitsOfOne) {
  const TinyModel model;
  const CrossEncoder encoder = CrossEncoder::load(model.folder(), {.threads = 3}).value();
  std::mt19937 random(1);
  std::vector<std::string> documents;
  for (std::size_t i = 0; i < 200; ++i) documents.push_back(tiny_words(random, random() % 30));
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  std::vector<TextPair> pairs;
  pairs.reserve(documents.size());
  for (const std::string& document : documents) pairs.push_back({"w1 w2", document});
  const Predictions expected = encoder.predict(pairs).value();
  const std::vector<RankedIndex> expected_ranking = encoder.rank("w1 w2", views).value();

  std::atomic<std::size_t> same{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 3; ++round) {
        // Calls of several sizes, so that some share batches and some run them side by side.
        const std::size_t count = round == 0 ? 1 + t : documents.size() - 20 * t;
        ScoreOptions options;
        options.batch_tokens = 64 << (t % 4);
        const Result<Predictions> got = encoder.predict(std::span(pairs).first(count), options);
        if (!got.ok() || got->size() != count) return;
        for (std::size_t i = 0; i < count; ++i) {
          if (bits((*got)[i]) != bits(expected[i])) return;
        }
        const Result<std::vector<RankedIndex>> ranking = encoder.rank("w1 w2", views);
        if (!ranking.ok() || ranking->size() != views.size()) return;
        for (std::size_t i = 0; i < views.size(); ++i) {
          if ((*ranking)[i].index != expected_ranking[i].index) return;
        }
        if (encoder.weights_sha256().value().size() == 64) ++same;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, 24U);
}

TEST(CrossEncoderThreads, OneCallersCancelLeavesTheOthersAlone) {
  const TinyModel model;
  const CrossEncoder encoder = CrossEncoder::load(model.folder(), {.threads = 2}).value();
  std::vector<TextPair> pairs(6000, {"w1 w2", "w3 w4 w5"});
  const float expected = encoder.predict(std::span(pairs).first(1)).value()[0].logit;
  std::atomic<std::size_t> finished{0};
  std::atomic<std::size_t> cancelled{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::atomic<bool> cancel{false};
      ScoreOptions options;
      options.cancel = &cancel;
      options.progress = [&](std::size_t, std::size_t) { cancel = t % 2 == 0; };
      const Result<Predictions> result = encoder.predict(pairs, options);
      if (result.ok() && (*result)[5999].logit == expected) ++finished;
      if (!result.ok() && result.error().code == ErrorCode::kCancelled) ++cancelled;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(finished, 2U);
  EXPECT_EQ(cancelled, 2U);
}

// While the caller's thread is in `progress`, the other one leaves batches out because of the flag,
// unless it has computed all of them before.
TEST(CrossEncoderThreads, AFlagThatIsResetCancelsOrDoesNothing) {
  const TinyModel model;
  const CrossEncoder encoder = CrossEncoder::load(model.folder(), {.threads = 2}).value();
  const std::vector<TextPair> pairs(4000, {"w1 w2", "w3 w4 w5"});
  const std::uint32_t expected = bits(encoder.predict(std::span(pairs).first(1)).value()[0]);
  std::atomic<bool> cancel{false};
  bool pulsed = false;
  ScoreOptions options;
  options.batch_size = 1;
  options.cancel = &cancel;
  options.progress = [&](std::size_t, std::size_t) {
    if (std::exchange(pulsed, true)) return;
    cancel = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel = false;
  };
  const Result<Predictions> result = encoder.predict(pairs, options);
  EXPECT_TRUE(pulsed);
  if (!result.ok()) {
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
    return;
  }
  ASSERT_EQ(result->size(), pairs.size());
  for (const ScoredPair& pair : *result) ASSERT_EQ(bits(pair), expected);
}

}  // namespace
}  // namespace crossrank

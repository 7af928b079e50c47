// Batch plans: every sequence once, within the limits, evenly over the workers.
#include "engine/batcher.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace crossrank::engine {
namespace {

std::uint32_t draw(std::mt19937& random, std::uint32_t below) {
  return static_cast<std::uint32_t>(random() % below);
}

std::size_t tokens_of(const BatchPlan& plan, std::size_t b,
                      const std::vector<std::uint32_t>& lengths) {
  std::size_t tokens = 0;
  for (const std::uint32_t s : plan.batch(b)) tokens += lengths[s];
  return tokens;
}

void expect_sound(const BatchPlan& plan, const std::vector<std::uint32_t>& lengths,
                  const BatchRules& rules) {
  ASSERT_EQ(plan.order.size(), lengths.size());
  ASSERT_EQ(plan.starts.front(), 0U);
  ASSERT_EQ(plan.starts.back(), lengths.size());
  std::vector<std::uint32_t> seen = plan.order;
  std::sort(seen.begin(), seen.end());
  for (std::uint32_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i);
  for (std::size_t i = 1; i < plan.order.size(); ++i) {
    const std::uint32_t a = plan.order[i - 1];
    const std::uint32_t b = plan.order[i];
    ASSERT_TRUE(lengths[a] > lengths[b] || (lengths[a] == lengths[b] && a < b));
  }
  for (std::size_t b = 0; b < plan.batches(); ++b) {
    const std::size_t size = plan.batch(b).size();
    ASSERT_GT(size, 0U);
    ASSERT_TRUE(rules.max_sequences == 0 || size <= rules.max_sequences);
    ASSERT_TRUE(size == 1 || tokens_of(plan, b, lengths) <= rules.max_tokens);
  }
}

TEST(Batcher, RandomPlansAreSoundAndRepeatable) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint32_t> lengths(draw(random, 200));
    const std::uint32_t longest = 1 + draw(random, 600);
    for (std::uint32_t& n : lengths) n = 1 + draw(random, longest);
    const BatchRules rules = {.max_tokens = 1 + draw(random, 2000),
                              .max_sequences = draw(random, 20),
                              .workers = 1 + draw(random, 9)};
    const BatchPlan plan = plan_batches(lengths, rules);
    expect_sound(plan, lengths, rules);
    const BatchPlan again = plan_batches(lengths, rules);
    EXPECT_EQ(plan.order, again.order);
    EXPECT_EQ(plan.starts, again.starts);
    EXPECT_EQ(plan.across_batches, again.across_batches);
  }
}

TEST(Batcher, NothingGivesNoBatch) {
  for (const std::size_t workers : {1, 2}) {
    const BatchPlan plan = plan_batches({}, {.workers = workers});
    EXPECT_EQ(plan.batches(), 0U);
  }
}

TEST(Batcher, SequenceAboveTheBudgetIsABatchOfItsOwn) {
  const std::vector<std::uint32_t> lengths = {10, 500, 10, 300};
  const BatchPlan plan = plan_batches(lengths, {.max_tokens = 64});
  EXPECT_EQ(plan.order, (std::vector<std::uint32_t>{1, 3, 0, 2}));
  EXPECT_EQ(plan.starts, (std::vector<std::uint32_t>{0, 1, 2, 4}));
}

TEST(Batcher, SequenceCountIsBounded) {
  const std::vector<std::uint32_t> lengths(10, 5);
  const BatchPlan plan = plan_batches(lengths, {.max_tokens = 512, .max_sequences = 4});
  EXPECT_EQ(plan.starts, (std::vector<std::uint32_t>{0, 4, 8, 10}));
}

TEST(Batcher, FewTokensAreSharedEqually) {
  const std::vector<std::uint32_t> lengths(10, 40);  // 400 tokens would fit one batch
  const BatchPlan plan = plan_batches(lengths, {.max_tokens = 512, .workers = 2});
  ASSERT_EQ(plan.batches(), 2U);
  EXPECT_TRUE(plan.across_batches);
  EXPECT_EQ(tokens_of(plan, 0, lengths), 200U);
}

TEST(Batcher, OneSmallBatchIsSharedByTheWorkers) {
  EXPECT_FALSE(plan_batches(std::vector<std::uint32_t>{300}, {.workers = 2}).across_batches);
  // Two batches for sixteen workers would leave fourteen idle.
  const BatchPlan plan = plan_batches(std::vector<std::uint32_t>(4, 200), {.workers = 16});
  EXPECT_FALSE(plan.across_batches);
  EXPECT_EQ(plan.batches(), 2U);  // of 512 tokens at most
  // One worker would do 512 tokens, the other 20.
  EXPECT_FALSE(plan_batches(std::vector<std::uint32_t>{512, 20}, {.workers = 2}).across_batches);
}

TEST(Batcher, ManySequencesKeepEveryWorkerBusyToTheEnd) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> lengths(100 + draw(random, 400));
    for (std::uint32_t& n : lengths) n = 20 + draw(random, 180);
    const std::size_t total = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    for (const std::size_t workers : {2, 3, 4, 8}) {
      const BatchRules rules = {.max_tokens = 512, .workers = workers};
      const BatchPlan plan = plan_batches(lengths, rules);
      ASSERT_TRUE(plan.across_batches);
      std::vector<std::size_t> loads(workers);
      for (std::size_t b = 0; b < plan.batches(); ++b) {
        *std::min_element(loads.begin(), loads.end()) += tokens_of(plan, b, lengths);
      }
      const std::size_t busiest = *std::max_element(loads.begin(), loads.end());
      // Nobody works longer than the average by more than half a batch.
      EXPECT_LE(busiest, total / workers + 256) << "workers " << workers;
      // Equal shares must not cost many more batches than the fewest possible.
      EXPECT_LE(plan.batches(), (total + 511) / 512 * 5 / 4 + 2 * workers);
    }
  }
}

}  // namespace
}  // namespace crossrank::engine

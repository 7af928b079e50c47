// Tests of src/eval/significance: verdicts, borders, and that the bootstrap is the same everywhere.
#include "eval/significance.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossrank::eval {
namespace {

std::vector<double> plus(std::vector<double> values, double step) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += step * (i % 3 == 0 ? 0.5 : 1);
  return values;
}

Comparison compare_one(std::span<const double> before, std::span<const double> after) {
  return compare(before, after, 1).front();
}

const std::vector<double> kBefore = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};

TEST(Significance, HelpedHurtUndecided) {
  const Comparison helped = compare_one(kBefore, plus(kBefore, 0.1));
  EXPECT_EQ(helped.verdict, Verdict::kHelped);
  EXPECT_EQ(helped.wins, 8u);
  EXPECT_LT(*helped.p, 0.001);
  EXPECT_GT(helped.interval->low, 0);
  EXPECT_EQ(compare_one(kBefore, plus(kBefore, -0.1)).verdict, Verdict::kHurt);

  std::vector<double> mixed = kBefore;
  for (std::size_t i = 0; i < mixed.size(); ++i) mixed[i] += i % 2 == 0 ? 0.3 : -0.25;
  const Comparison undecided = compare_one(kBefore, mixed);
  EXPECT_EQ(undecided.verdict, Verdict::kUndecided);
  EXPECT_EQ(undecided.wins, 4u);
  EXPECT_EQ(undecided.losses, 4u);
}

TEST(Significance, TheNoiseOfSumsIsNoDifference) {
  const Comparison noise = compare_one(kBefore, plus(kBefore, 1e-15));
  EXPECT_EQ(noise.verdict, Verdict::kUndecided);
  EXPECT_EQ(noise.ties, kBefore.size());
  EXPECT_EQ(noise.difference, 0);
  EXPECT_EQ(noise.p, 1);
}

TEST(Significance, StopsWhenAsked) {
  std::size_t asked = 0;
  const auto stop = [&] { return ++asked == 3; };
  EXPECT_FALSE(bootstrap_intervals(kBefore, 1, stop).front());
  EXPECT_EQ(asked, 3u);
}

TEST(Significance, FewQueriesGiveNoVerdict) {
  const std::vector<double> before(kBefore.begin(), kBefore.begin() + 5);
  const Comparison c = compare_one(before, plus(before, 0.1));
  EXPECT_LT(*c.p, 0.05);
  EXPECT_EQ(c.verdict, Verdict::kUndecided);
}

TEST(Significance, Borders) {
  const Comparison none = compare_one({}, {});
  EXPECT_EQ(none.queries, 0u);
  EXPECT_FALSE(none.p || none.interval);
  const std::vector<double> one = {0.5};
  EXPECT_FALSE(compare_one(one, one).p);
  EXPECT_EQ(compare_one(one, one).ties, 1u);

  const Comparison same = compare_one(kBefore, kBefore);
  EXPECT_EQ(same.p, 1);
  EXPECT_EQ(same.ties, 8u);
  EXPECT_EQ(same.verdict, Verdict::kUndecided);
  const std::vector<double> zeros(8, 0.0);
  const std::vector<double> ones(8, 1.0);
  EXPECT_EQ(compare_one(zeros, ones).p, 0);
  EXPECT_EQ(compare_one(zeros, ones).interval->low, 1);
}

TEST(Significance, NoiseOfSumsIsATie) {
  EXPECT_EQ(compare_one(kBefore, plus(kBefore, 1e-12)).ties, 8u);
  EXPECT_EQ(compare_one(kBefore, plus(kBefore, 1e-8)).wins, 8u);
}

// t = 2.5 / (sqrt(5 / 3) / 2) = 3.8730 with 3 degrees of freedom.
TEST(Significance, TTestByHand) {
  const std::vector<double> differences = {1, 2, 3, 4};
  EXPECT_NEAR(*paired_t_test(differences), 0.030466, 1e-6);
}

// Computed with another implementation of mt19937_64, which the standard fixes; another interval
// here means that documents and scripts that quote one are wrong.
TEST(Significance, TheBootstrapIsTheSameEverywhere) {
  const Interval interval = *bootstrap_intervals(kBefore, 1).front();
  EXPECT_DOUBLE_EQ(interval.low, 0.2875);
  EXPECT_DOUBLE_EQ(interval.high, 0.6125);
}

TEST(Significance, ColumnsDoNotMix) {
  std::vector<double> rows;
  for (const double value : kBefore) rows.insert(rows.end(), {value, -value, 1});
  const auto intervals = bootstrap_intervals(rows, 3);
  EXPECT_DOUBLE_EQ(intervals[0]->low, 0.2875);
  EXPECT_DOUBLE_EQ(intervals[1]->high, -0.2875);
  EXPECT_EQ(intervals[2]->low, 1);
  const std::vector<double> before(rows.size());
  const auto comparisons = compare(before, rows, 3);
  EXPECT_EQ(comparisons[0].wins, 8u);
  EXPECT_EQ(comparisons[1].losses, 8u);
  EXPECT_DOUBLE_EQ(comparisons[2].difference, 1);
  EXPECT_DOUBLE_EQ(comparisons[1].interval->high, -0.2875);
}

}  // namespace
}  // namespace crossrank::eval

// What a difference between two runs over the same queries may be worth: tests, no measures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace crossrank::eval {

struct Interval {
  double low = 0, high = 0;
};

// Resamples of a bootstrap, and where its random numbers begin (std::mt19937_64): the same values
// give the same interval everywhere.
inline constexpr std::size_t kResamples = 10'000;
inline constexpr std::uint64_t kBootstrapSeed = 20'190'423;

// Of one value at least.
double mean(std::span<const double> values);

// Asked now and then while work is going on; once it says true, what is returned means nothing.
using Stop = std::function<bool()>;

// The 95 % percentile interval of the mean of each of `width` columns, from samples of as many rows
// with replacement; one sample serves all columns. No intervals for less than two rows.
std::vector<std::optional<Interval>> bootstrap_intervals(std::span<const double> rows,
                                                         std::size_t width, const Stop& stop = {});

// p of the two-sided paired t-test: how often chance alone gives a mean at least this far from 0.
// 1 when all differences are 0; nothing for less than two.
std::optional<double> paired_t_test(std::span<const double> differences);

enum class Verdict : std::uint8_t { kHelped, kHurt, kUndecided };

struct Comparison {
  std::size_t queries = 0;  // that both runs have
  double difference = 0;    // mean(after) - mean(before)
  std::optional<double> p;
  std::optional<Interval> interval;  // of the difference
  std::size_t wins = 0, ties = 0, losses = 0;
  Verdict verdict = Verdict::kUndecided;
};

// With fewer queries than this no verdict is given: a coin gives five equal sides in 1 of 16 cases.
inline constexpr std::size_t kMinQueries = 6;

// Of each of `width` measures. `before` and `after` have a row for each query, the same ones in the
// same order. A verdict needs p below 0.05 and an interval that leaves 0 out; differences up to
// 1e-9, the noise of sums, are none.
std::vector<Comparison> compare(std::span<const double> before, std::span<const double> after,
                                std::size_t width, const Stop& stop = {});

}  // namespace crossrank::eval

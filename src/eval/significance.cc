// The t distribution is Boost's; the bootstrap draws by a generator whose numbers the standard
// fixes.
#include "eval/significance.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace crossrank::eval {
namespace {

constexpr double kTie = 1e-9;
constexpr double kAlpha = 0.05;

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Below `bound`, which is less than 2^32. Not std::uniform_int_distribution, whose numbers differ
// between standard libraries; the bias is below bound / 2^32.
std::size_t draw(std::mt19937_64& random, std::size_t bound) {
  return static_cast<std::size_t>((random() >> 32U) * bound >> 32U);
}

// The value at `share` of a sorted list, between two neighbours where it falls there (numpy's
// default).
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

Verdict verdict(const Comparison& c) {
  if (c.queries < kMinQueries || !c.p || *c.p >= kAlpha || !c.interval) return Verdict::kUndecided;
  if (c.interval->low > 0) return Verdict::kHelped;
  if (c.interval->high < 0) return Verdict::kHurt;
  return Verdict::kUndecided;
}

}  // namespace

std::optional<Interval> bootstrap_interval(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  std::mt19937_64 random(kBootstrapSeed);
  std::vector<double> means(kResamples);
  for (double& resampled : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[draw(random, values.size())];
    resampled = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  return Interval{quantile(means, kAlpha / 2), quantile(means, 1 - kAlpha / 2)};
}

std::optional<double> paired_t_test(std::span<const double> differences) {
  if (differences.size() < 2) return std::nullopt;
  const double average = mean(differences);
  double squares = 0;
  for (const double d : differences) squares += (d - average) * (d - average);
  const auto n = static_cast<double>(differences.size());
  if (squares == 0) return average == 0 ? 1 : 0;
  const double t = average / std::sqrt(squares / (n - 1) / n);
  const boost::math::students_t distribution(n - 1);
  return 2 * boost::math::cdf(boost::math::complement(distribution, std::fabs(t)));
}

Comparison compare(std::span<const double> before, std::span<const double> after) {
  Comparison result;
  result.queries = before.size();
  if (before.empty()) return result;
  std::vector<double> differences;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double d = after[i] - before[i];
    differences.push_back(d);
    (d > kTie ? result.wins : d < -kTie ? result.losses : result.ties) += 1;
  }
  result.difference = mean(differences);
  result.p = paired_t_test(differences);
  result.interval = bootstrap_interval(differences);
  result.verdict = verdict(result);
  return result;
}

}  // namespace crossrank::eval

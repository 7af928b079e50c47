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

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<std::optional<Interval>> bootstrap_intervals(std::span<const double> rows,
                                                         std::size_t width, const Stop& stop) {
  std::vector<std::optional<Interval>> intervals(width);
  const std::size_t count = rows.size() / width;
  if (count < 2) return intervals;
  std::mt19937_64 random(kBootstrapSeed);
  std::vector<std::vector<double>> means(width, std::vector<double>(kResamples));
  std::vector<double> sums(width);
  for (std::size_t sample = 0; sample < kResamples; ++sample) {
    if (stop && sample % 16 == 0 && stop()) return intervals;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t i = 0; i < count; ++i) {
      const double* row = rows.data() + draw(random, count) * width;
      for (std::size_t m = 0; m < width; ++m) sums[m] += row[m];
    }
    for (std::size_t m = 0; m < width; ++m) {
      means[m][sample] = sums[m] / static_cast<double>(count);
    }
  }
  for (std::size_t m = 0; m < width; ++m) {
    std::sort(means[m].begin(), means[m].end());
    intervals[m] = {quantile(means[m], kAlpha / 2), quantile(means[m], 1 - kAlpha / 2)};
  }
  return intervals;
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

std::vector<Comparison> compare(std::span<const double> before, std::span<const double> after,
                                std::size_t width, const Stop& stop) {
  std::vector<double> rows(before.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double difference = after[i] - before[i];
    rows[i] = std::fabs(difference) > kTie ? difference : 0;
  }
  const auto intervals = bootstrap_intervals(rows, width, stop);
  std::vector<Comparison> out(width);
  if (rows.empty()) return out;
  std::vector<double> differences(rows.size() / width);
  for (std::size_t m = 0; m < width; ++m) {
    Comparison& c = out[m];
    c.queries = differences.size();
    for (std::size_t q = 0; q < differences.size(); ++q) {
      const double d = differences[q] = rows[q * width + m];
      (d > 0 ? c.wins : d < 0 ? c.losses : c.ties) += 1;
    }
    c.difference = mean(differences);
    c.p = paired_t_test(differences);
    c.interval = intervals[m];
    c.verdict = verdict(c);
  }
  return out;
}

}  // namespace crossrank::eval

// Median and percentiles of what `bench` measured, as bench/peers/report.py has them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace crossrank::cli {

// The smallest value that `per_mille` of the values do not exceed (nearest rank), for 1 to 1000.
// `sorted` is ascending and not empty.
inline double quantile(const std::vector<double>& sorted, std::size_t per_mille) {
  return sorted[(per_mille * sorted.size() + 999) / 1000 - 1];
}

// The same for percent, of values in any order.
inline double percentile(std::vector<double> values, std::size_t percent) {
  std::sort(values.begin(), values.end());
  return quantile(values, 10 * percent);
}

// The middle value, or the mean of the middle two. `values` must not be empty.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace crossrank::cli

// Blending. In double, rounded once, so that the order does not depend on how scores were printed.
#include "eval/blend.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace crossrank::eval {
namespace {

std::vector<double> z_scores(std::span<const float> scores) {
  const auto count = static_cast<double>(scores.size());
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  double squares = 0;
  for (const float score : scores) squares += (score - mean) * (score - mean);
  const double deviation = std::sqrt(squares / count);
  std::vector<double> out;
  out.reserve(scores.size());
  for (const float score : scores) {
    out.push_back(deviation > 0 ? (score - mean) / deviation : 0);
  }
  return out;
}

std::vector<double> reciprocal_ranks(std::span<const float> scores) {
  constexpr double kSmoothing = 60;
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<double> out(scores.size());
  for (std::size_t rank = 1; rank <= order.size(); ++rank) {
    out[order[rank - 1]] = 1 / (kSmoothing + static_cast<double>(rank));
  }
  return out;
}

}  // namespace

std::vector<float> blended_scores(std::span<const float> first, std::span<const float> second,
                                  double alpha, Blend blend) {
  const auto comparable = blend == Blend::kZScore ? z_scores : reciprocal_ranks;
  const std::vector<double> a = comparable(first);
  const std::vector<double> b = comparable(second);
  std::vector<float> out;
  out.reserve(first.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    out.push_back(static_cast<float>(alpha * b[i] + (1 - alpha) * a[i]));
  }
  return out;
}

}  // namespace crossrank::eval

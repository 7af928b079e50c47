// Blending. In double, rounded once, so that the order does not depend on how scores were printed.
#include "eval/blend.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace crossrank::eval {
namespace {

using Documents = std::span<const ScoredDocument>;

std::vector<double> z_scores(Documents documents) {
  const auto count = static_cast<double>(documents.size());
  double sum = 0;
  for (const ScoredDocument& d : documents) sum += d.score;
  const double mean = sum / count;
  double squares = 0;
  for (const ScoredDocument& d : documents) squares += (d.score - mean) * (d.score - mean);
  const double deviation = std::sqrt(squares / count);
  std::vector<double> out;
  out.reserve(documents.size());
  for (const ScoredDocument& d : documents) {
    out.push_back(deviation > 0 ? (d.score - mean) / deviation : 0);
  }
  return out;
}

std::vector<double> reciprocal_ranks(Documents documents) {
  constexpr double kSmoothing = 60;
  std::vector<std::size_t> order(documents.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return ranks_before(documents[a], documents[b]); });
  std::vector<double> out(documents.size());
  for (std::size_t rank = 1; rank <= order.size(); ++rank) {
    out[order[rank - 1]] = 1 / (kSmoothing + static_cast<double>(rank));
  }
  return out;
}

}  // namespace

std::vector<float> blended_scores(Documents first, Documents second, double alpha, Blend blend) {
  std::vector<float> out;
  out.reserve(first.size());
  if (alpha == 0 || alpha == 1) {
    for (const ScoredDocument& d : alpha == 0 ? first : second) out.push_back(d.score);
    return out;
  }
  const auto comparable = blend == Blend::kZScore ? z_scores : reciprocal_ranks;
  const std::vector<double> a = comparable(first);
  const std::vector<double> b = comparable(second);
  for (std::size_t i = 0; i < a.size(); ++i) {
    out.push_back(static_cast<float>(alpha * b[i] + (1 - alpha) * a[i]));
  }
  return out;
}

}  // namespace crossrank::eval

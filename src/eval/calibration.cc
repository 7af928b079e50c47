// Platt scaling by Newton's method on two unknowns.
// After J. Platt, Probabilistic Outputs for Support Vector Machines (1999), and Lin, Lin and Weng,
// A Note on Platt's Probabilistic Outputs (2007), which has the safe way to compute each term.
#include "eval/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/try.h"

namespace crossrank::eval {
namespace {

// z = slope * logit + bias
struct Line {
  double slope = 0, bias = 0;
};

struct Counts {
  std::size_t relevant = 0, others = 0;
};

Counts count(std::span<const LabelledLogit> pairs) {
  Counts counts;
  for (const LabelledLogit& pair : pairs) ++(pair.relevant ? counts.relevant : counts.others);
  return counts;
}

// log(1 + e^x), for any x.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// The smoothed loss of a line, with logits moved and scaled to mean 0 and deviation 1: Newton's
// steps do not care, but their sums then lose no digits.
class SmoothedLoss {
 public:
  explicit SmoothedLoss(std::span<const LabelledLogit> pairs) : pairs_(pairs) {
    const Counts counts = count(pairs);
    relevant_target_ =
        (static_cast<double>(counts.relevant) + 1) / (static_cast<double>(counts.relevant) + 2);
    other_target_ = 1 / (static_cast<double>(counts.others) + 2);
    const auto n = static_cast<double>(pairs.size());
    for (const LabelledLogit& pair : pairs) mean_ += pair.logit / n;
    for (const LabelledLogit& pair : pairs) scale_ += std::pow(pair.logit - mean_, 2) / n;
    scale_ = std::sqrt(scale_);
    if (!(scale_ > 0)) scale_ = 1;  // all logits are equal, and the slope stays 0
  }

  [[nodiscard]] double value(const Line& line) const {
    double sum = 0;
    for (const LabelledLogit& pair : pairs_) {
      const double z = line.slope * x(pair) + line.bias;
      sum += softplus(z) - target(pair) * z;
    }
    return sum;
  }

  // Newton's step from `line`, and what the loss falls by along it, to first order.
  [[nodiscard]] Line step(const Line& line, double& fall) const {
    // A whisker on the diagonal, in units of the pairs, where all logits are equal.
    const double whisker = 1e-12 * static_cast<double>(pairs_.size());
    double h11 = whisker, h22 = whisker, h12 = 0, g1 = 0, g2 = 0;
    for (const LabelledLogit& pair : pairs_) {
      const double at = x(pair);
      const double p = probability_at(line.slope * at + line.bias);
      const double off = p - target(pair);
      g1 += off * at;
      g2 += off;
      const double weight = p * (1 - p);
      h11 += weight * at * at;
      h12 += weight * at;
      h22 += weight;
    }
    const double determinant = h11 * h22 - h12 * h12;
    const Line step = {(h12 * g2 - h22 * g1) / determinant, (h12 * g1 - h11 * g2) / determinant};
    fall = -(g1 * step.slope + g2 * step.bias);
    return step;
  }

  // For logits as they came.
  [[nodiscard]] Line unscaled(const Line& line) const {
    return {line.slope / scale_, line.bias - line.slope * mean_ / scale_};
  }

  // Before any logit is looked at: the share of the relevant pairs.
  [[nodiscard]] Line start() const {
    double sum = 0;
    for (const LabelledLogit& pair : pairs_) sum += target(pair);
    const double share = sum / static_cast<double>(pairs_.size());
    return {0, std::log(share / (1 - share))};
  }

 private:
  [[nodiscard]] double x(const LabelledLogit& pair) const { return (pair.logit - mean_) / scale_; }
  [[nodiscard]] double target(const LabelledLogit& pair) const {
    return pair.relevant ? relevant_target_ : other_target_;
  }

  std::span<const LabelledLogit> pairs_;
  double relevant_target_ = 0, other_target_ = 0, mean_ = 0, scale_ = 0;
};

// The loss is convex, so that halving steps until it falls enough leads to the one minimum.
Line fit_line(std::span<const LabelledLogit> pairs) {
  constexpr int kMaxSteps = 100;  // a dozen do
  const SmoothedLoss loss(pairs);
  Line line = loss.start();
  double value = loss.value(line);
  for (int i = 0; i < kMaxSteps; ++i) {
    double fall = 0;
    const Line step = loss.step(line, fall);
    const auto stepped = [&](double share) {
      return Line{line.slope + share * step.slope, line.bias + share * step.bias};
    };
    // So near, a full step squares what is left, and the loss no longer has the digits to show it.
    if (fall < 1e-10 * static_cast<double>(pairs.size())) {
      line = stepped(1);
      if (fall < 1e-20 * static_cast<double>(pairs.size())) break;
      value = loss.value(line);
      continue;
    }
    double share = 1;
    double next = loss.value(stepped(share));
    while (next > value - 1e-4 * share * fall && share > 1e-10) {
      share /= 2;
      next = loss.value(stepped(share));
    }
    line = stepped(share);
    value = next;
  }
  return loss.unscaled(line);
}

std::string number_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? " pair" : " pairs");
}

Result<void> check(std::span<const LabelledLogit> pairs) {
  for (const LabelledLogit& pair : pairs) {
    if (!std::isfinite(pair.logit)) {
      return Error{ErrorCode::kBadInput, "a logit is not finite"};
    }
  }
  const Counts counts = count(pairs);
  if (counts.relevant >= kMinPairsOfAClass && counts.others >= kMinPairsOfAClass) return {};
  return Error{ErrorCode::kBadInput,
               "there are " + number_of(counts.relevant, "relevant") + " and " +
                   number_of(counts.others, "other") + "; at least " +
                   std::to_string(kMinPairsOfAClass) +
                   " of each are needed, and some hundred are better: label more pairs"};
}

}  // namespace

double probability_at(double argument) {
  const double e = std::exp(-std::abs(argument));
  return argument >= 0 ? 1 / (1 + e) : e / (1 + e);
}

Result<Calibration> fit_calibration(std::span<const LabelledLogit> pairs) {
  CR_TRY(check(pairs));
  const Line line = fit_line(pairs);
  // A slope so small that its reciprocal overflows is none either.
  if (!(line.slope > std::numeric_limits<double>::min())) {
    return Error{ErrorCode::kBadInput,
                 "the scores rank the wrong way round: relevant pairs score no higher than "
                 "others. Are true and false (or the grades) swapped, or is this another model's "
                 "work? No temperature can mend that"};
  }
  return Calibration{1 / line.slope, line.bias};
}

bool separated(std::span<const LabelledLogit> pairs) {
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -lowest;
  for (const LabelledLogit& pair : pairs) {
    if (pair.relevant) {
      lowest = std::min(lowest, pair.logit);
    } else {
      highest = std::max(highest, pair.logit);
    }
  }
  return lowest > highest;
}

Result<std::vector<double>> cross_validated(std::span<const LabelledLogit> pairs,
                                            std::size_t folds) {
  CR_TRY(check(pairs));
  std::size_t queries = 0;
  for (const LabelledLogit& pair : pairs) queries = std::max(queries, pair.query + 1);
  if (queries < folds) {
    return Error{ErrorCode::kInvalidArgument, "there are " + std::to_string(queries) +
                                                  " queries, fewer than the " +
                                                  std::to_string(folds) + " folds"};
  }
  std::vector<double> out(pairs.size());
  std::vector<LabelledLogit> others;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    others.clear();
    for (const LabelledLogit& pair : pairs) {
      if (pair.query % folds != fold) others.push_back(pair);
    }
    const Counts counts = count(others);
    if (counts.relevant == 0 || counts.others == 0) {
      return Error{ErrorCode::kBadInput,
                   std::string(counts.relevant == 0 ? "all relevant" : "all other") +
                       " pairs are of the queries of one fold, so that nothing can be said of "
                       "unseen queries: label pairs of more queries"};
    }
    const Line line = fit_line(others);  // as it comes out: what a fold finds is what it finds
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].query % folds == fold) out[i] = line.slope * pairs[i].logit + line.bias;
    }
  }
  return out;
}

std::vector<double> arguments(std::span<const LabelledLogit> pairs,
                              const Calibration& calibration) {
  std::vector<double> out;
  out.reserve(pairs.size());
  for (const LabelledLogit& pair : pairs) {
    out.push_back(pair.logit / calibration.temperature + calibration.bias);
  }
  return out;
}

CalibrationFigures calibration_figures(std::span<const LabelledLogit> pairs,
                                       std::span<const double> arguments) {
  CalibrationFigures out;
  const std::size_t n = pairs.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double is_so = pairs[i].relevant ? 1 : 0;
    out.log_loss += softplus(arguments[i]) - is_so * arguments[i];
    out.brier += std::pow(probability_at(arguments[i]) - is_so, 2);
  }
  out.log_loss /= static_cast<double>(n);
  out.brier /= static_cast<double>(n);

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto at = [&](std::size_t i) { return probability_at(arguments[order[i]]); };
  // Also by label, so that sums do not depend on the order of the input.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return arguments[a] != arguments[b] ? arguments[a] < arguments[b]
                                        : pairs[a].relevant < pairs[b].relevant;
  });
  std::size_t begin = 0;
  for (std::size_t b = 1; b <= kCalibrationBins; ++b) {
    std::size_t end = std::max(begin, n * b / kCalibrationBins);
    if (end == begin) continue;
    while (end < n && at(end) == at(end - 1)) ++end;  // whichever of them came first
    Bin bin{end - begin, at(begin), at(end - 1), 0, 0};
    for (std::size_t i = begin; i < end; ++i) {
      bin.probability += at(i);
      bin.relevant += pairs[order[i]].relevant ? 1 : 0;
    }
    out.error += std::abs(bin.probability - bin.relevant) / static_cast<double>(n);
    bin.probability /= static_cast<double>(bin.pairs);
    bin.relevant /= static_cast<double>(bin.pairs);
    out.bins.push_back(bin);
    begin = end;
  }
  return out;
}

}  // namespace crossrank::eval

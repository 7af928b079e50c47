// Probabilities from logits, by labels: Platt's fit, what it is worth on held-out queries,
// and how far probabilities are from what happens. Scores nothing, reads no file.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::eval {

// p = sigmoid(logit / temperature + bias)
struct Calibration {
  double temperature = 1;  // above 0
  double bias = 0;
};

struct LabelledLogit {
  double logit = 0;  // finite
  bool relevant = false;
  std::size_t query = 0;  // a number of its own for each, from 0
};

// Fewer relevant or other pairs than that say too little about two numbers.
inline constexpr std::size_t kMinPairsOfAClass = 20;

// Maximum likelihood against Platt's smoothed targets, (n+ + 1) / (n+ + 2) and 1 / (n- + 2), which
// keep the fit finite where the logits separate the labels. Deterministic. Errors: kBadInput for a
// logit that is not finite, too few pairs of a class, and logits that do not rise with relevance.
Result<Calibration> fit_calibration(std::span<const LabelledLogit> pairs);

// True where every relevant pair has a higher logit than every other.
bool separated(std::span<const LabelledLogit> pairs);

// The arguments of the sigmoid for every pair, each by the fit to the folds that its query is not
// in; query i is in fold i % folds. Errors: as fit_calibration; kInvalidArgument where there are
// fewer queries than folds; kBadInput where the queries outside of a fold lack a class.
Result<std::vector<double>> cross_validated(std::span<const LabelledLogit> pairs,
                                            std::size_t folds);

// The same by one calibration for all.
std::vector<double> arguments(std::span<const LabelledLogit> pairs, const Calibration& calibration);

// Pairs whose probabilities are neighbours.
struct Bin {
  std::size_t pairs = 0;
  double low = 0, high = 0;  // the probabilities' ends
  double probability = 0;    // their mean
  double relevant = 0;       // the share of the pairs that is
};

struct CalibrationFigures {
  double log_loss = 0;  // mean of -log(probability of what is so): lower is better
  double brier = 0;     // mean of (probability - what is so)^2
  double error = 0;  // expected calibration error: mean over pairs of a bin's |probability - share|
  std::vector<Bin> bins;
};

// 10 bins of as equal counts as equal probabilities, which stay together, allow: the probabilities
// of a reranker crowd at 0, where bins of equal width would put most pairs into one.
inline constexpr std::size_t kCalibrationBins = 10;

// `arguments` are the sigmoid's, one a pair. At least one pair.
CalibrationFigures calibration_figures(std::span<const LabelledLogit> pairs,
                                       std::span<const double> arguments);

double probability_at(double argument);  // sigmoid in double

}  // namespace crossrank::eval

// Which blend of two runs is best by the judgments, and what that says of queries yet unseen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crossrank/result.h"
#include "eval/blend.h"
#include "eval/metrics.h"
#include "eval/trec_files.h"

namespace crossrank::eval {

// Alphas that are tried, from 0 (the first run alone) to 1 (the second alone).
inline constexpr std::size_t kAlphaSteps = 20;

struct BlendSetting {
  Blend blend = Blend::kZScore;
  double alpha = 1;
};

struct Tuning {
  struct Point {
    BlendSetting setting;
    double mean = 0;  // of the measure over all queries
  };
  std::vector<Point> points;  // each blend with each alpha
  BlendSetting best;          // of the highest mean; of equal ones the nearest to the second alone
  // The measure of each query that both runs and the qrels have: of the runs as they are (the first
  // one's documents being the second's), and blended by the setting that is best for the queries of
  // the other folds, which is what a new query may expect.
  std::vector<double> first, second, cross_validated;
};

struct TuningOptions {
  Measure measure;
  std::int32_t relevance_level = 1;
  std::size_t folds = 5;  // query i, by id, is in fold i % folds
};

// `second` reranks what `first` found. Errors: kBadInput for a document of `second` that `first`
// has not; kInvalidArgument where there are fewer queries than folds.
Result<Tuning> tune(const Qrels& qrels, const Run& first, const Run& second,
                    const TuningOptions& options);

}  // namespace crossrank::eval

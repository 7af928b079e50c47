// Which blend of two runs is best by the judgments, and what that says of unseen queries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crossrank/result.h"
#include "eval/blend.h"
#include "eval/metrics.h"
#include "eval/significance.h"
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
  std::vector<Point> points;  // by alpha, of each the reciprocal ranks' before the z-scores'
  BlendSetting best;  // of the highest mean; of equal ones that of the highest alpha, z before rrf
  // The measure of each query that both runs and the qrels have: of the runs as they are (the first
  // one's documents being the second's), and blended by the setting that is best for the queries of
  // the other folds, which is what a new query may expect.
  std::vector<double> first, second, cross_validated;
  std::size_t unjudged = 0;  // queries of the second run that the qrels lack
  std::size_t unranked = 0;  // others of it that the first run lacks
};

struct TuningOptions {
  Measure measure;
  std::int32_t relevance_level = 1;
  std::size_t folds = 5;  // query i, by id, is in fold i % folds
  Stop stop = {};
};

// `second` reranks what `first` found. Errors: kBadInput for a document of `second` that `first`
// has not; kInvalidArgument where there are fewer queries than folds.
Result<Tuning> tune(const Qrels& qrels, const Run& first, const Run& second,
                    const TuningOptions& options);

}  // namespace crossrank::eval

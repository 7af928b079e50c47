// One run against the qrels: the measures of every query and their means, and what a report draws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/metrics.h"
#include "eval/trec_files.h"

namespace crossrank::eval {

struct EvaluationOptions {
  std::vector<Measure> measures;
  std::int32_t relevance_level = 1;
  // Means are over all queries of the qrels, those that the run lacks being 0 (trec_eval -c), and
  // not only over those that it has.
  bool all_queries = false;
  bool for_report = false;  // keep what is below the line in Evaluation
};

struct TopDocument {
  std::string id;
  float score = 0;
  std::int32_t grade = 0;  // or kUnjudged
};

// How many documents of a class have a score in each of equal parts of [low, high].
struct ScoreHistogram {
  static constexpr std::size_t kBins = 40;
  using Bins = std::array<std::size_t, kBins>;
  double low = 0, high = 0;
  Bins relevant{}, not_relevant{}, unjudged{};
};

struct Evaluation {
  static constexpr std::size_t kDepths = 100;
  static constexpr std::size_t kTop = 10;

  // Of the queries of the qrels, by their place there; nothing for those that do not count. A row
  // has a value for each measure.
  std::vector<std::optional<std::vector<double>>> rows;
  std::vector<double> means;  // of each measure; 0 when no query counts
  std::size_t queries = 0;    // that count
  std::size_t missing = 0;    // in the qrels alone
  std::size_t unknown = 0;    // in the run alone: no measure sees them
  std::size_t deepest = 0;    // documents of the query that has most
  // Documents that are judged, and of the first ten of each query that counts the share.
  std::size_t judged = 0;
  double judged_at_10 = 0;

  // Only for a report:
  std::array<double, kDepths> ndcg_by_depth{};  // mean nDCG@1, nDCG@2, ...
  ScoreHistogram scores;
  std::vector<std::vector<TopDocument>> top;  // of each query of the qrels, at most kTop
};

// The values of the queries that count, row behind row.
std::vector<double> rows_of(const Evaluation& evaluation);

// Those of the queries that count in both, in the order of the qrels.
struct PairedRows {
  std::vector<double> before, after;
};
PairedRows paired_rows(const Evaluation& before, const Evaluation& after);

// What measures need to know of one query's documents, which are in their order.
GradedRanking graded(std::span<const Judgment> judgments, std::span<const ScoredDocument> documents,
                     std::int32_t relevance_level);

Evaluation evaluate(const Qrels& qrels, const Run& run, const EvaluationOptions& options);

}  // namespace crossrank::eval

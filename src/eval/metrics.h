// Measures of one ranking: what they are called and what they are worth. Knows no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::eval {

enum class Family : std::uint8_t {
  kNdcg,            // gain = grade
  kNdcgExp,         // gain = 2^grade - 1
  kReciprocalRank,  // of the first relevant document
  kAveragePrecision,
  kPrecision,
  kRecall,
  kSuccess,  // 1 when a relevant document is there
  kJudged,   // the share of the documents that are judged
};

struct Measure {
  Family family = Family::kNdcg;
  std::size_t cutoff = 0;  // documents that count, 0 = all
  std::string name;        // as it was asked for
};

// "nDCG@10,MAP": names of ir-measures and of trec_eval's users, upper or lower case, with a cutoff
// where the measure needs one. Error: kInvalidArgument for an unknown name, a cutoff that is none,
// a measure that is named twice, and judged@K as the first, by which runs are compared.
Result<std::vector<Measure>> parse_measures(std::string_view list);

// Above it 2^grade leaves no room in a double for a sum.
inline constexpr std::int32_t kMaxExpGrade = 900;

// One query: what the qrels say about the documents of a run, and about all.
struct GradedRanking {
  std::vector<std::int32_t> grades;  // by rank; kUnjudged where the qrels have no such document
  std::vector<std::int32_t> ideal;   // all grades above 0, the highest first
  std::size_t relevant = 0;          // judgments of at least the relevance level
  std::int32_t relevance_level = 1;  // from which on a grade is relevant; above 0
};

// From 0 to 1; 0 where there is nothing relevant, as trec_eval has it.
double measure(const Measure& measure, const GradedRanking& ranking);

// Adds nDCG@1, nDCG@2, ... to `sums`, as many as it is long.
void add_ndcg_by_depth(const GradedRanking& ranking, std::span<double> sums);

}  // namespace crossrank::eval

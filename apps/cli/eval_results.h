// What `crossrank eval` found, and how it is written: table, json, jsonl, tsv. Reads no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/evaluation.h"
#include "eval/significance.h"
#include "json/json.h"
#include "options.h"

namespace crossrank::cli {

struct EvalRun {
  std::string name;  // of the file, or its path where another run's file has that name
  std::size_t duplicates = 0;
  eval::Evaluation evaluation;
  std::vector<std::optional<eval::Interval>> intervals;  // of the means; empty for table and tsv
  std::vector<eval::Comparison> against_first;           // of each measure; empty for the first run
};

// Every text in it is valid UTF-8.
struct EvalResults {
  std::string qrels;
  std::vector<eval::Measure> measures;
  std::int32_t relevance_level = 1;
  bool all_queries = false;
  std::vector<std::string> query_ids;  // of the qrels
  std::vector<EvalRun> runs;
};

// Whether the run helped by the first measure, in one sentence. `run` is not the first one.
std::string conclusion(const EvalResults& results, const EvalRun& run);

// "helped", "hurt" or "undecided"; "" for judged@K, more of which is not better.
std::string_view verdict_of(const EvalResults& results, const EvalRun& run, std::size_t measure);

// A number with its sign, four digits behind the point.
std::string with_sign(double value);

// "-0.0100 to +0.0200", or "-" where there is none; [low, high], or null.
std::string interval_text(const std::optional<eval::Interval>& interval);
json::Value interval_json(const std::optional<eval::Interval>& interval);

std::string write_eval(const EvalResults& results, Format format, bool per_query);

}  // namespace crossrank::cli

// Fuzzes the parsers of TREC runs and qrels, and the measures of what they read.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "eval/evaluation.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace eval = crossrank::eval;

void check_error(const Error& error) {
  FUZZ_CHECK(error.code == ErrorCode::kBadInput);
  FUZZ_CHECK(error.message.starts_with("f:") && error.message.size() < 300);
  FUZZ_CHECK(base::is_valid_utf8(error.message));
}

template <typename Record>
void check_order(const eval::ByQuery<Record>& read) {
  std::size_t records = 0;
  for (std::size_t q = 0; q < read.queries().size(); ++q) {
    const auto& query = read.queries()[q];
    FUZZ_CHECK(q == 0 || read.queries()[q - 1].id < query.id);
    FUZZ_CHECK(read.find(query.id) == q);
    FUZZ_CHECK(!query.id.empty() && !read.records(query).empty());
    records += read.records(query).size();
  }
  FUZZ_CHECK(records == 0 || !read.queries().empty());
}

// trec_eval's order, each document once.
void check_run(const eval::Run& run) {
  check_order(run);
  for (const auto& query : run.queries()) {
    const auto documents = run.records(query);
    std::vector<std::string_view> ids;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      ids.push_back(documents[i].document);
      if (i == 0) continue;
      const eval::ScoredDocument& above = documents[i - 1];
      FUZZ_CHECK(above.score > documents[i].score ||
                 (above.score == documents[i].score && above.document > documents[i].document));
    }
    std::sort(ids.begin(), ids.end());
    FUZZ_CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  }
}

void check_measures(const eval::Qrels& qrels, const eval::Run& run) {
  eval::EvaluationOptions options;
  options.measures =
      eval::parse_measures("nDCG,nDCG@10,nDCG_exp@10,MRR,MAP,MAP@3,P@5,R@5,success@1,judged@5")
          .value();
  options.for_report = true;
  for (const bool all_queries : {false, true}) {
    options.all_queries = all_queries;
    const eval::Evaluation found = eval::evaluate(qrels, run, options);
    FUZZ_CHECK(found.rows.size() == qrels.queries().size());
    FUZZ_CHECK(found.queries + (all_queries ? 0 : found.missing) == found.rows.size());
    for (const auto& row : found.rows) {
      if (!row) continue;
      for (std::size_t m = 0; m < row->size(); ++m) {
        // Above kMaxExpGrade the command refuses nDCG_exp.
        if (options.measures[m].family == eval::Family::kNdcgExp) continue;
        FUZZ_CHECK((*row)[m] >= 0 && (*row)[m] <= 1 + 1e-9);
      }
    }
  }
}

}  // namespace

// The judgments are what stands before the first NUL byte, the run is what stands behind it.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t nul = std::min(input.find('\0'), size);
  const Result<eval::Qrels> qrels = eval::parse_qrels(input.substr(0, nul), "f");
  const Result<eval::Run> run = eval::parse_run(input.substr(std::min(nul + 1, size)), "f");
  if (qrels.ok()) check_order(*qrels);
  if (!qrels.ok()) check_error(qrels.error());
  if (run.ok()) check_run(*run);
  if (!run.ok()) check_error(run.error());
  if (qrels.ok() && run.ok()) check_measures(*qrels, *run);
  const Result<std::vector<eval::Measure>> measures =
      eval::parse_measures(input.substr(0, std::min<std::size_t>(nul, 100)));
  FUZZ_CHECK(measures.ok() || measures.error().code == ErrorCode::kInvalidArgument);
  return 0;
}

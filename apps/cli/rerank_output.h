// The results of `crossrank rerank`: as a line of its journal, and from there as a TREC run.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/rerankers.h"
#include "crossrank/result.h"
#include "journal.h"
#include "rerank_plan.h"

namespace crossrank::cli {

// A query's results, best first, as one JSON object; scores[i] is what the run gives results[i].
std::string journal_line(const RerankQuery& query, const Ranking& ranking,
                         std::span<const float> scores);

// Such a line as lines of a run with this tag. Error: kBadInput for what is no such line.
Result<void> append_trec(std::string& out, std::string_view journal_line, const std::string& tag);

// The lines of a journal are results of the first of `queries`, in their order. Errors: kIoError,
// kCancelled; kBadInput with file and line.
Result<void> check_journal(const Journal& journal, const std::vector<RerankQuery>& queries);

// All lines of a journal, one for each of `queries` queries, as the run `output`, and as JSON lines
// in `details` unless that is "". Errors: kIoError, kCancelled, kBadInput; no output appears then.
Result<void> write_rerank_output(const Journal& journal, std::size_t queries,
                                 const std::string& output, const std::string& details,
                                 const std::string& tag);

}  // namespace crossrank::cli

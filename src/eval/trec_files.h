// TREC runs and qrels: text to queries and their documents, as trec_eval reads it. Opens no file,
// measures nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::eval {

struct Judgment {
  std::string_view document;
  std::int32_t grade = 0;
};

// What no grade can be: the document of a run that the qrels do not have.
inline constexpr std::int32_t kUnjudged = std::numeric_limits<std::int32_t>::min();

struct ScoredDocument {
  std::string_view document;
  float score = 0;  // trec_eval compares in float32: what differs less is a tie
};

// trec_eval's order: by score, best first, and among equal scores by document, bytewise, the last
// first.
inline bool ranks_before(const ScoredDocument& a, const ScoredDocument& b) {
  return a.score != b.score ? a.score > b.score : a.document > b.document;
}

// Records by query. Views the text that it was parsed from, which must outlive it; takes 24 bytes a
// line beside it (and twice that while a file is parsed whose queries are not in one piece each).
template <typename Record>
class ByQuery {
 public:
  struct Query {
    std::string_view id;
    std::size_t begin = 0, end = 0;  // of its records
  };

  ByQuery() = default;
  ByQuery(std::vector<Query> queries, std::vector<Record> records, std::size_t duplicates)
      : queries_(std::move(queries)), records_(std::move(records)), duplicates_(duplicates) {}

  // By id, bytewise, each once.
  [[nodiscard]] const std::vector<Query>& queries() const { return queries_; }
  [[nodiscard]] std::span<const Record> records(const Query& query) const {
    return std::span(records_).subspan(query.begin, query.end - query.begin);
  }
  // The query's place in queries(), or queries().size().
  [[nodiscard]] std::size_t find(std::string_view id) const {
    const auto at = std::lower_bound(
        queries_.begin(), queries_.end(), id,
        [](const Query& query, std::string_view wanted) { return query.id < wanted; });
    const bool found = at != queries_.end() && at->id == id;
    return static_cast<std::size_t>((found ? at : queries_.end()) - queries_.begin());
  }
  // Lines whose query and document a later line has again: the last one counts.
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

 private:
  std::vector<Query> queries_;
  std::vector<Record> records_;
  std::size_t duplicates_ = 0;
};

// The judgments of a query are by document, bytewise.
using Qrels = ByQuery<Judgment>;
// The documents of a query are in the order of ranks_before(). The rank column is not looked at.
using Run = ByQuery<ScoredDocument>;

// The grade of a document among a query's judgments, or kUnjudged.
std::int32_t grade_of(std::span<const Judgment> judgments, std::string_view document);

// Lines "QUERY ITERATION DOCUMENT GRADE" with white space between them; blank lines and a byte
// order mark are skipped, lines may end in CR LF. Behind the line "query-id corpus-id score", with
// which BEIR's begin, they are "QUERY DOCUMENT GRADE". Errors: kBadInput, "FILE:LINE: what".
Result<Qrels> parse_qrels(std::string_view text, const std::string& file);

// Lines "QUERY Q0 DOCUMENT RANK SCORE TAG", else the same. A score is a number that float32 holds.
Result<Run> parse_run(std::string_view text, const std::string& file);

// Lines of a run with a greater rank than the line before, of the same query, and a better score:
// whoever wrote it ranked by something else than these scores. Passes over what is no line of a
// run.
std::size_t lines_against_rank(std::string_view text);

}  // namespace crossrank::eval

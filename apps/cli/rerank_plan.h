// What `crossrank rerank` is to do: queries, and the first stage's candidates of each. Loads no
// model, reads no document and writes nothing.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "corpus.h"
#include "crossrank/result.h"
#include "input.h"

namespace crossrank::cli {

struct Candidate {
  std::string id;
  float score = 0;       // the first stage's
  std::size_t line = 0;  // of the run
};

struct RerankQuery {
  std::string id;
  std::string text;
  std::vector<Candidate> candidates;  // best first
};

using QueryTexts = std::unordered_map<std::string, std::string>;

// id TAB text a line, or JSON lines as those of a corpus. Errors: as LineReader; kBadInput with
// file and line, also for an id that stands twice.
Result<QueryTexts> read_queries(const std::string& path);

// A TREC run, "qid Q0 docid rank score tag" a line. Queries are in the order of the file, the
// `depth` best candidates of each (0 = all) by score, descending; equal ones in the file's order. A
// candidate that a query has twice counts once, where it is best. The rank is not looked at.
// Errors: as LineReader; kBadInput with file and line.
Result<std::vector<RerankQuery>> read_first_stage(const std::string& path, std::size_t depth);

// Gives each query its text, and takes out what nobody can score: queries without a text and
// candidates that are not in the corpus. They are counted in `skipped`; errors unless skip_bad.
Result<void> resolve(std::vector<RerankQuery>& queries, QueryTexts texts, const Corpus& corpus,
                     const std::string& run, bool skip_bad, Skipped& skipped);

}  // namespace crossrank::cli

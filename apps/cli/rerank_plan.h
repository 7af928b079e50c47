// What `crossrank rerank` is to do: queries, and the first stage's candidates of each. Loads no
// model and writes nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corpus.h"
#include "crossrank/result.h"
#include "input.h"
#include "query_file.h"

namespace crossrank::cli {

struct Candidate {
  std::string_view id;
  float score = 0;  // the first stage's
};

struct RerankQuery {
  std::string_view id;
  std::string text;
  std::vector<Candidate> candidates;  // best first
};

// The `depth` best candidates of each query of a TREC run (0 = all), in trec_eval's order. Takes
// out what nobody can score: queries without a text, and later, by resolve(), candidates that are
// not in the corpus. They are counted in skipped(), and errors unless skip_bad. Always an error is
// that nothing is left.
class FirstStage {
 public:
  // Errors: as InputFile; kBadInput with file and line.
  static Result<FirstStage> read(const std::string& path, std::size_t depth, QueryFile queries,
                                 bool skip_bad);
  Result<void> resolve(const Corpus& corpus);

  // By id.
  [[nodiscard]] const std::vector<RerankQuery>& queries() const { return queries_; }
  [[nodiscard]] const Skipped& skipped() const { return skipped_; }
  // Lines whose query and document a later line has again: the last one counts.
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

 private:
  // `field` is where in text_ it is that `what` is said of. Error: kBadInput with file and line.
  Result<void> skip(std::string_view field, std::string what);

  std::string path_;
  std::unique_ptr<const std::string> text_;  // of the run
  std::vector<RerankQuery> queries_;
  Skipped skipped_;
  std::size_t duplicates_ = 0;
  bool skip_bad_ = false;
};

}  // namespace crossrank::cli

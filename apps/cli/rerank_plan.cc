// The plan of `crossrank rerank`, out of three files.
#include "rerank_plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/try.h"
#include "eval/trec_files.h"
#include "json/json.h"
#include "line_reader.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

constexpr const char* kControls = " has control characters, which could drive a terminal";

Error bad(std::string message) { return {ErrorCode::kBadInput, std::move(message)}; }

// Behind what is said of the first of `count`.
std::string more(std::size_t count) {
  return count > 1 ? ", nor " + with_thousands(count - 1) + " more" : "";
}

}  // namespace

Result<FirstStage> FirstStage::read(const std::string& path, std::size_t depth, QueryFile queries,
                                    bool skip_bad) {
  FirstStage stage;
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  stage.path_ = file.name();
  stage.skip_bad_ = skip_bad;
  CR_TRY_ASSIGN(std::string text, file.read_all());
  stage.text_ = std::make_unique<const std::string>(std::move(text));
  CR_TRY_ASSIGN(const eval::Run run, eval::parse_run(*stage.text_, stage.path_));
  stage.duplicates_ = run.duplicates();
  const std::size_t all = run.queries().size();
  if (all == 0) return bad(stage.path_ + ": the run is empty");
  const auto missing = static_cast<std::size_t>(
      std::count_if(run.queries().begin(), run.queries().end(), [&](const eval::Run::Query& query) {
        return queries.texts.find(query.id) == queries.texts.end();
      }));
  if (missing == all) {
    return bad(stage.path_ + ": none of its queries (" + with_thousands(all) + ") is in " +
               queries.name + ": do the ids of the queries agree?");
  }
  for (const eval::Run::Query& query : run.queries()) {
    const auto found = queries.texts.find(query.id);
    if (found == queries.texts.end()) {
      CR_TRY(stage.skip(query.id, queries.name + " has no text of the query " +
                                      json::quote(query.id) + more(missing)));
      continue;
    }
    if (!is_trec_field(query.id)) {
      CR_TRY(stage.skip(query.id, "the id " + json::quote(query.id) + kControls));
      continue;
    }
    RerankQuery added{query.id, std::move(found->second), {}};
    for (const eval::ScoredDocument& document : run.records(query)) {
      if (depth != 0 && added.candidates.size() == depth) break;
      if (!is_trec_field(document.document)) {
        CR_TRY(
            stage.skip(document.document, "the id " + json::quote(document.document) + kControls));
        continue;
      }
      added.candidates.push_back({document.document, document.score});
    }
    if (!added.candidates.empty()) stage.queries_.push_back(std::move(added));
  }
  if (stage.queries_.empty()) return bad("no query is left: " + stage.skipped_.first);
  return stage;
}

Result<void> FirstStage::resolve(const Corpus& corpus) {
  std::size_t all = 0;
  std::size_t missing = 0;
  for (const RerankQuery& query : queries_) {
    all += query.candidates.size();
    for (const Candidate& candidate : query.candidates) missing += !corpus.contains(candidate.id);
  }
  if (missing == all) {
    return bad(path_ + ": none of its candidates (" + with_thousands(all) + ") is in " +
               corpus.name() + ": do the ids of the documents agree?");
  }
  for (RerankQuery& query : queries_) {
    std::vector<Candidate> found;
    for (const Candidate& candidate : query.candidates) {
      if (corpus.contains(candidate.id)) {
        found.push_back(candidate);
      } else {
        CR_TRY(skip(candidate.id,
                    "the corpus has no document " + json::quote(candidate.id) + more(missing)));
      }
    }
    query.candidates = std::move(found);
  }
  std::erase_if(queries_, [](const RerankQuery& query) { return query.candidates.empty(); });
  return {};
}

// Lines are counted for what is shown, once: a file may have a hundred thousand to be skipped.
Result<void> FirstStage::skip(std::string_view field, std::string what) {
  if (skip_bad_ && skipped_.count > 0) {
    ++skipped_.count;
    return {};
  }
  const auto before = std::string_view(*text_).substr(0, field.data() - text_->data());
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  if (!skip_bad_) what += "; --skip-bad leaves such out";
  return skipped_.add(path_, line, bad(std::move(what)), skip_bad_);
}

}  // namespace crossrank::cli

// The plan of `crossrank rerank`, out of three files.
#include "rerank_plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/try.h"
#include "eval/trec_files.h"
#include "json/json.h"
#include "line_reader.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

constexpr const char* kControls = " has control characters, which could drive a terminal";

Error bad(std::string message) { return {ErrorCode::kBadInput, std::move(message)}; }

}  // namespace

Result<FirstStage> FirstStage::read(const std::string& path, std::size_t depth, QueryTexts texts,
                                    bool skip_bad) {
  FirstStage stage;
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  stage.path_ = file.name();
  stage.skip_bad_ = skip_bad;
  CR_TRY_ASSIGN(std::string text, file.read_all());
  stage.text_ = std::make_unique<const std::string>(std::move(text));
  CR_TRY_ASSIGN(const eval::Run run, eval::parse_run(*stage.text_, stage.path_));
  stage.duplicates_ = run.duplicates();
  for (const eval::Run::Query& query : run.queries()) {
    const auto found = texts.find(query.id);
    if (found == texts.end()) {
      CR_TRY(stage.skip(query.id, "there is no text of the query " + json::quote(query.id)));
      continue;
    }
    if (!is_trec_field(query.id)) {
      CR_TRY(stage.skip(query.id, "the id " + json::quote(query.id) + kControls));
      continue;
    }
    RerankQuery& added = stage.queries_.emplace_back();
    added.id = query.id;
    added.text = std::move(found->second);
    for (const eval::ScoredDocument& document : run.records(query)) {
      if (depth != 0 && added.candidates.size() == depth) break;
      if (!is_trec_field(document.document)) {
        CR_TRY(
            stage.skip(document.document, "the id " + json::quote(document.document) + kControls));
        continue;
      }
      added.candidates.push_back({document.document, document.score});
    }
  }
  return stage;
}

Result<void> FirstStage::resolve(const Corpus& corpus) {
  for (RerankQuery& query : queries_) {
    std::vector<Candidate> found;
    for (const Candidate& candidate : query.candidates) {
      if (corpus.contains(candidate.id)) {
        found.push_back(candidate);
      } else {
        CR_TRY(skip(candidate.id, "the corpus has no document " + json::quote(candidate.id)));
      }
    }
    query.candidates = std::move(found);
  }
  std::erase_if(queries_, [](const RerankQuery& query) { return query.candidates.empty(); });
  return {};
}

Result<void> FirstStage::skip(std::string_view field, const std::string& what) {
  const auto before = std::string_view(*text_).substr(0, field.data() - text_->data());
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  return skipped_.add(path_, line, bad(what), skip_bad_);
}

}  // namespace crossrank::cli

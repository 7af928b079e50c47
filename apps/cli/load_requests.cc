// Bodies and answers of POST /v1/rerank, as a client knows them.
#include "load_requests.h"

#include <map>
#include <utility>

#include "base/try.h"
#include "json/json.h"

namespace crossrank::cli {
namespace {

Error wrong(std::string what) { return Error{ErrorCode::kBadInput, std::move(what)}; }

// The score of each document, in the order of the request.
Result<std::vector<double>> scores_of(std::string_view answer, std::size_t documents) {
  CR_TRY_ASSIGN(const json::Value body, json::parse(answer));
  const auto results = body.find("results");
  if (results == body.end() || !results->is_array()) return wrong("no list of results");
  if (results->size() != documents) {
    return wrong(std::to_string(results->size()) + " results for " + std::to_string(documents) +
                 " documents");
  }
  std::vector<double> scores(documents);
  std::vector<bool> seen(documents);
  for (const json::Value& result : *results) {
    const auto index = result.find("index");
    if (index == result.end() || !index->is_number_unsigned() ||
        index->get<std::size_t>() >= documents) {
      return wrong("a result whose index is none of 0 to " + std::to_string(documents - 1));
    }
    const auto i = index->get<std::size_t>();
    if (seen[i]) return wrong("index " + std::to_string(i) + " twice");
    seen[i] = true;
    const auto score = result.find("relevance_score");
    if (score == result.end() || !score->is_number()) {
      return wrong("no number as relevance_score of index " + std::to_string(i));
    }
    scores[i] = score->get<double>();
  }
  return scores;  // as many results as documents, none twice: each is there
}

}  // namespace

LoadRequests::LoadRequests(const BenchWorkload& workload, std::size_t documents,
                           const std::string& model)
    : documents_(documents) {
  const std::vector<PairRecord>& pairs = workload.pairs;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> known;
  for (std::size_t first = 0; first < pairs.size(); first += documents) {
    const std::string& query = pairs[first].query;
    Entry entry;
    json::Value texts = json::Value::array();
    for (std::size_t i = first; i < first + documents; ++i) {
      const std::string& document = pairs[i % pairs.size()].document;
      texts.push_back(document);
      entry.texts.push_back(known.try_emplace({query, document}, known.size()).first->second);
    }
    json::Value body = {{"query", query}, {"documents", std::move(texts)}};
    if (!model.empty()) body["model"] = model;
    entry.body = json::dump(body);
    entries_.push_back(std::move(entry));
  }
  scores_.resize(known.size());
}

const std::string& LoadRequests::body(std::size_t number) const {
  return entries_[number % entries_.size()].body;
}

Result<void> LoadRequests::check(std::size_t number, std::string_view answer) {
  CR_TRY_ASSIGN(const std::vector<double> scores, scores_of(answer, documents_));
  const std::vector<std::size_t>& texts = entries_[number % entries_.size()].texts;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < documents_; ++i) {
    std::optional<double>& before = scores_[texts[i]];
    if (!before) before = scores[i];
    if (*before != scores[i]) {
      return wrong("index " + std::to_string(i) + " has the score " +
                   json::dump(json::Value(scores[i])) + ", the same text had " +
                   json::dump(json::Value(*before)) + " before");
    }
  }
  return {};
}

}  // namespace crossrank::cli

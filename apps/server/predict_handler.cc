// POST /predict of text-embeddings-inference: scores of pairs, label by label.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "handlers.h"

namespace crossrank::server {
namespace {

struct PredictRequest {
  std::vector<std::pair<std::string, std::string>> pairs;
  bool batch = false;  // a list of pairs came, so a list of answers goes
  bool raw_scores = false;
  ScoringRules rules;
};

constexpr const char* kShape =
    "`inputs` must be a pair of strings, [query, document], or a list of such pairs";

bool add_pair(json::Value& value, PredictRequest& request) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) {
    return false;
  }
  request.pairs.emplace_back(std::move(value[0].get_ref<std::string&>()),
                             std::move(value[1].get_ref<std::string&>()));
  return true;
}

void read_inputs(Fields& fields, std::size_t most, PredictRequest& request) {
  json::Value* inputs = fields.member("inputs");
  if (inputs == nullptr || !inputs->is_array()) return fields.fail({422, kShape, "inputs"});
  if (inputs->empty()) return fields.fail({400, "`inputs` is empty", "inputs"});
  if (add_pair(*inputs, request)) return;
  request.batch = true;
  if (inputs->size() > most) {
    return fields.fail({413,
                        "`inputs` has " + std::to_string(inputs->size()) + " pairs; at most " +
                            std::to_string(most) + " are taken in one request",
                        "inputs"});
  }
  for (json::Value& pair : *inputs) {
    if (!add_pair(pair, request)) {
      return fields.fail(
          {422,
           std::string(kShape) + "; entry " + std::to_string(request.pairs.size()) + " is no pair",
           "inputs"});
    }
  }
}

// Labels by score, the best one first, as the original has them.
json::Value labels_json(const PredictRequest& request, const Job& job, std::size_t pair,
                        const std::vector<std::string>& labels) {
  std::vector<std::pair<float, std::size_t>> scores;
  for (std::size_t label = 0; label < labels.size(); ++label) {
    const std::size_t i = pair * labels.size() + label;
    const ScoredPair& one = job.scored[pair];
    const float logit = labels.size() == 1 ? one.logit : job.logits[i];
    const float probability = labels.size() == 1 ? one.probability : job.probabilities[i];
    scores.emplace_back(request.raw_scores ? logit : probability, label);
  }
  std::stable_sort(scores.begin(), scores.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  json::Value list = json::Value::array();
  for (const auto& [score, label] : scores) {
    list.push_back({{"score", json::number(score)}, {"label", labels[label]}});
  }
  return list;
}

void predict(const Services& services, const ExchangePtr& exchange,
             const std::shared_ptr<PredictRequest>& request,
             const std::shared_ptr<const ServedModel>& model) {
  auto job = std::make_shared<Job>();
  job->texts = request;
  job->rules = request->rules;
  for (const auto& [query, document] : request->pairs) job->pairs.push_back({query, document});
  score(services, {.exchange = exchange,
                   .model = model,
                   .job = std::move(job),
                   .dialect = &kTei,
                   .done = [request](const Scoring& scoring) {
                     const auto& labels = scoring.model->encoder->info().labels;
                     json::Value all = json::Value::array();
                     for (std::size_t i = 0; i < request->pairs.size(); ++i) {
                       all.push_back(labels_json(*request, *scoring.job, i, labels));
                     }
                     reply_json(*scoring.exchange, request->batch ? all : json::Value(all[0]));
                   }});
}

}  // namespace

void handle_predict(const Services& services, const ExchangePtr& exchange) {
  auto body = read_object(*exchange, kTei);
  if (!body) return;
  Fields fields(*body);
  const auto request = std::make_shared<PredictRequest>();
  read_inputs(fields, services.options.max_documents, *request);
  request->raw_scores = fields.boolean_or("raw_scores", false);
  const std::string name = fields.string_or("model", "");
  request->rules = services.options.rules;
  // Pairs are scored whole: a model of several labels, which may be asked here, has no best chunk.
  if (uses_chunks(request->rules.truncation)) {
    request->rules.truncation = Truncation::kLongestFirst;
  }
  read_tei_truncation(fields, request->rules);
  if (fields.error()) return reply_error(*exchange, kTei, *fields.error());
  with_model(services, exchange, kTei, name, [&services, exchange, request](const auto& model) {
    predict(services, exchange, request, model);
  });
}

}  // namespace crossrank::server

// Reranking, in whichever dialect.
#include <algorithm>
#include <utility>

#include "base/ranking.h"
#include "base/utf8.h"
#include "handlers.h"

namespace crossrank::server {
namespace {

RerankOutcome outcome_of(const RerankRequest& request, const Scoring& scoring) {
  const Job& job = *scoring.job;
  RerankOutcome outcome;
  outcome.id = scoring.exchange->head.request_id;
  outcome.model = scoring.model->name;
  outcome.created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  outcome.tokens = scoring.exchange->facts.tokens;
  outcome.complete = job.scored_pairs == job.pairs.size();
  for (std::size_t i = 0; i < job.scored_pairs; ++i) outcome.ranked.push_back(job.ranked(i));
  std::sort(outcome.ranked.begin(), outcome.ranked.end(), base::RanksBefore{});
  const std::size_t wanted = request.top_n == 0 ? job.pairs.size() : request.top_n;
  if (outcome.ranked.size() > wanted) outcome.ranked.resize(wanted);
  for (std::size_t i = job.scored_pairs;
       i < job.pairs.size() && outcome.ranked.size() + outcome.unscored.size() < wanted; ++i) {
    outcome.unscored.push_back(i);
  }
  return outcome;
}

std::string milliseconds(std::chrono::microseconds time) {
  return std::to_string((time.count() + 500) / 1000);
}

// What text-embeddings-inference tells in headers, in whole milliseconds.
void add_tei_headers(Reply& reply, const Exchange& exchange, const RerankRequest& request) {
  std::size_t characters = request.documents.size() * base::count_code_points(request.query);
  for (const SentDocument& document : request.documents) {
    characters += base::count_code_points(document.text);
  }
  const auto total =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - exchange.arrived);
  const Facts& facts = exchange.facts;
  reply.headers = {
      {"x-compute-type", "cpu"},
      {"x-compute-time", milliseconds(facts.computing)},
      {"x-compute-characters", std::to_string(characters)},
      {"x-compute-tokens", std::to_string(facts.tokens)},
      {"x-total-time", milliseconds(total)},
      {"x-queue-time", milliseconds(facts.queued.value_or(std::chrono::microseconds(0)))},
      {"x-inference-time", milliseconds(facts.computing)}};
}

void rerank(const Services& services, const ExchangePtr& exchange, const Dialect& dialect,
            const std::shared_ptr<RerankRequest>& request,
            const std::shared_ptr<const ServedModel>& model) {
  if (const auto one = base::check_one_label(model->name, model->encoder->info().num_labels);
      !one.ok()) {
    return reply_error(*exchange, dialect, request_error(one.error()));
  }
  auto job = std::make_shared<Job>();
  job->texts = request;
  job->rules = request->rules;
  job->pairs.reserve(request->documents.size());
  for (const SentDocument& document : request->documents) {
    job->pairs.push_back({request->query, document.text});
  }
  score(services, {.exchange = exchange,
                   .model = model,
                   .job = std::move(job),
                   .dialect = &dialect,
                   .knows_partial = true,
                   .allow_partial = request->allow_partial,
                   .done = [request](const Scoring& scoring) {
                     const RerankOutcome outcome = outcome_of(*request, scoring);
                     Reply reply;
                     reply.body = json::dump(scoring.dialect->write(*request, outcome));
                     if (scoring.dialect == &kTei) {
                       add_tei_headers(reply, *scoring.exchange, *request);
                       if (!outcome.complete) reply.headers.emplace_back("x-complete", "false");
                     }
                     scoring.exchange->reply(std::move(reply));
                   }});
}

}  // namespace

void handle_rerank(const Services& services, const ExchangePtr& exchange, const Dialect& route) {
  auto body = read_object(*exchange, route);
  if (!body) return;
  const bool other_form =
      &route == &kTei && !body->contains("texts") && body->contains("documents");
  const Dialect& dialect = other_form ? kJina : route;
  exchange->facts.dialect = dialect.name;

  Fields fields(*body);
  const auto request = std::make_shared<RerankRequest>(dialect.read(fields, services.options));
  if (fields.error()) return reply_error(*exchange, dialect, *fields.error());
  with_model(services, exchange, dialect, request->model,
             [&services, exchange, &dialect, request](const auto& model) {
               rerank(services, exchange, dialect, request, model);
             });
}

}  // namespace crossrank::server

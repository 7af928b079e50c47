// POST /v1/hybrid: the cross-encoder's finalists, judged by an LLM. The first stage goes through
// the micro-batches like everybody's; the judge is asked from a pool of its own.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/ranking.h"
#include "base/utf8.h"
#include "crossrank/rerankers.h"
#include "handlers.h"
#include "json/metadata.h"

namespace crossrank::server {
namespace {

// Before a deadline: to write an answer that was not judged.
constexpr std::chrono::milliseconds kSpare{100};

struct HybridRequest {
  std::string query;
  std::string context;
  std::string model;
  std::vector<SentDocument> documents;
  std::vector<std::string> texts;  // that are scored
  std::vector<std::size_t> chars_cut;
  std::size_t top_k = HybridOptions{}.top_k;
  bool return_documents = false;
  std::optional<CrossEncoderReRanker> reranker;  // of the model; makes the texts
};

json::Value relevance_json(double value) {
  if (value == std::floor(value)) return static_cast<std::int64_t>(value);
  return value;
}

// With its metadata, which must be an object or null.
Document document_of(const SentDocument& sent) {
  Document document;
  document.page_content = sent.text;
  if (sent.metadata.empty()) return document;
  json::Value metadata = parsed(sent.metadata);
  if (metadata.is_object()) {
    document.metadata = std::get<Metadata>(json::to_metadata(metadata).value);
  }
  return document;
}

bool is_object_or_null(const std::string& json_text) {
  return json_text.empty() || json_text.starts_with('{') || json_text == "null";
}

std::shared_ptr<HybridRequest> read_hybrid(Fields& fields, const Services& services) {
  auto request = std::make_shared<HybridRequest>();
  request->model = fields.string_or("model", "");
  request->query = fields.string("query");
  request->context = fields.string_or("context", "");
  request->documents = fields.documents("documents", services.options.max_documents);
  request->top_k =
      fields.count("top_k", 0, services.options.max_documents).value_or(request->top_k);
  request->return_documents = fields.boolean_or("return_documents", false);
  for (const SentDocument& sent : request->documents) {
    if (is_object_or_null(sent.metadata)) continue;
    fields.fail(
        {422, "the metadata of a document must be an object, not " + kind_of(parsed(sent.metadata)),
         "documents"});
    break;
  }
  return request;
}

// Code points of the text that are not scored, of 0 = all.
std::size_t chars_cut(std::string_view text, std::size_t max_chars) {
  if (max_chars == 0) return 0;  // else valid UTF-8: it came as JSON
  return base::count_code_points(text.substr(base::prefix_bytes(text, max_chars)));
}

// The finalists, best first, as the first stage of the judge.
std::vector<RankedIndex> finalists(const Job& job, std::size_t most) {
  std::vector<RankedIndex> ranked;
  for (std::size_t i = 0; i < job.scored_pairs; ++i) ranked.push_back(job.ranked(i));
  std::sort(ranked.begin(), ranked.end(), base::RanksBefore{});
  if (ranked.size() > most) ranked.resize(most);
  return ranked;
}

// One position of the answer.
struct Position {
  std::size_t finalist = 0;  // in the first stage's order
  Stage stage = Stage::kCrossEncoder;
  std::optional<JudgeVerdict> verdict;
};

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::kCrossEncoder: return "cross_encoder";
    case Stage::kJudge: return "judge";
    case Stage::kBackfill: return "backfill";
  }
  return "";  // not reached: the switch is exhaustive
}

json::Value report_json(const JudgeReport& report) {
  json::Value out = {{"calls", report.calls},
                     {"tokens", report.prompt_tokens + report.completion_tokens},
                     {"prompt_tokens", report.prompt_tokens},
                     {"completion_tokens", report.completion_tokens}};
  out["cost"] = report.cost ? json::Value(*report.cost) : json::Value();
  out["model"] = report.model;
  out["response_format"] =
      report.response_format.empty() ? json::Value() : json::Value(report.response_format);
  out["prompt_version"] = report.prompt_version;
  if (report.disagreement) out["disagreement"] = relevance_json(*report.disagreement);
  out["cut_documents"] = report.cut_documents;
  out["query_chars_cut"] = report.query_chars_cut;
  out["context_chars_cut"] = report.context_chars_cut;
  out["cached"] = report.cached;
  if (!report.message.empty()) out["message"] = report.message;
  out["elapsed_ms"] = static_cast<double>(report.elapsed.count()) / 1000;
  return out;
}

json::Value result_json(const HybridRequest& request, const RankedIndex& ranked,
                        const Position& position, std::size_t rank) {
  const SentDocument& sent = request.documents[ranked.index];
  json::Value out = {{"rank", rank}, {"index", ranked.index}};
  out["id"] = sent.id.empty() ? json::Value() : parsed(sent.id);
  out["logit"] = json::number(ranked.pair.logit);
  out["probability"] = json::number(ranked.pair.probability);
  out["score"] = json::number(ranked.pair.score);
  if (!sent.metadata.empty()) out["metadata"] = parsed(sent.metadata);
  if (request.return_documents) out["document"] = sent.text;
  TruncationReport truncation = ranked.pair.truncation;
  truncation.chars_cut = static_cast<std::uint32_t>(request.chars_cut[ranked.index]);
  out["truncation"] = truncation_json(truncation);
  if (ranked.span) {
    out["span"] = span_json(request.reranker->in_content(document_of(sent), *ranked.span));
  }
  out["stage"] = stage_name(position.stage);
  out["cross_encoder_rank"] = position.finalist + 1;
  if (position.verdict) {
    json::Value verdict = {{"relevance", relevance_json(position.verdict->relevance)},
                           {"reason", position.verdict->reason}};
    if (position.verdict->disagreement)
      verdict["disagreement"] = relevance_json(*position.verdict->disagreement);
    verdict["chars_cut"] = position.verdict->chars_cut;
    out["judge"] = std::move(verdict);
  }
  return out;
}

// Whether the first stage alone decides which documents are returned (skip_if_gap).
bool is_decided(const std::vector<RankedIndex>& first_stage, std::size_t top_k,
                const std::optional<float>& gap) {
  if (!gap || top_k == 0 || top_k >= first_stage.size()) return false;
  return first_stage[top_k - 1].pair.logit - first_stage[top_k].pair.logit >= *gap;
}

struct Judged {
  std::vector<Position> positions;  // of all finalists
  JudgeReport report;
};

// The finalists in the judge's order; without a call when it is not `in_time` for one. Errors:
// kCancelled, kOutOfMemory.
Result<Judged> judge(const Services& services, const HybridRequest& request,
                     const std::vector<RankedIndex>& first_stage, const Exchange& exchange,
                     bool in_time) {
  Judged judged;
  const LlmJudge& llm = *services.judge;
  if (is_decided(first_stage, request.top_k, llm.options().skip_if_gap)) {
    judged.report.outcome = JudgeOutcome::kSkippedConfident;
    judged.report.model = llm.options().model;
    judged.positions.resize(first_stage.size());
    for (std::size_t i = 0; i < first_stage.size(); ++i) judged.positions[i].finalist = i;
    return judged;
  }
  std::vector<Document> documents;
  documents.reserve(first_stage.size());
  for (const RankedIndex& ranked : first_stage)
    documents.push_back(document_of(request.documents[ranked.index]));
  const auto whole =
      std::chrono::duration_cast<std::chrono::milliseconds>(exchange.deadline - exchange.arrived);
  const auto spent =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - exchange.arrived);
  auto ranking = llm.rank(request.query, documents,
                          {.context = request.context,
                           .deadline = std::max(whole, std::chrono::milliseconds(1)),
                           .spent = in_time ? spent : std::max(whole, spent),
                           .traceparent = exchange.head.traceparent,
                           .cancel = &exchange.gone()});
  if (!ranking.ok()) return std::move(ranking).error();
  const bool any = std::any_of(ranking->results.begin(), ranking->results.end(),
                               [](const RankedDocument& r) { return r.judge.has_value(); });
  for (RankedDocument& result : ranking->results) {
    const Stage unjudged = any ? Stage::kBackfill : Stage::kCrossEncoder;
    judged.positions.push_back(
        {result.index, result.judge ? Stage::kJudge : unjudged, std::move(result.judge)});
  }
  judged.report = std::move(ranking->judge);
  return judged;
}

void finish(const Services& services, const HybridRequest& request, const Scoring& scoring,
            bool in_time) {
  Exchange& exchange = *scoring.exchange;
  const std::vector<RankedIndex> first_stage =
      finalists(*scoring.job, std::max(services.options.candidates, request.top_k));
  auto judged = judge(services, request, first_stage, exchange, in_time);
  if (!judged.ok()) return reply_error(exchange, kJina, request_error(judged.error()));
  std::vector<Position>& positions = judged->positions;
  if (request.top_k != 0 && positions.size() > request.top_k) positions.resize(request.top_k);
  const bool unjudged = std::any_of(positions.begin(), positions.end(),
                                    [](const Position& p) { return p.stage != Stage::kJudge; });
  const JudgeReport& report = judged->report;
  exchange.facts.judge_outcome = to_string(report.outcome);

  std::size_t truncated = 0;
  for (std::size_t i = 0; i < scoring.job->pairs.size(); ++i) {
    truncated += request.chars_cut[i] > 0 || scoring.job->scored[i].truncation.truncated();
  }
  json::Value body = {{"query", request.query},
                      {"model", scoring.model->name},
                      {"weights_sha256", scoring.model->digest}};
  body["precision"] = name_of(scoring.model->encoder->info().precision);
  if (scoring.model->encoder->info().calibration) {
    body["calibration"] = calibration_json(scoring.model->encoder->info());
  }
  body["results"] = json::Value::array();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    body["results"].push_back(
        result_json(request, first_stage[positions[i].finalist], positions[i], i + 1));
  }
  body["truncated_documents"] = truncated;
  body["degraded"] = unjudged && report.outcome != JudgeOutcome::kSkippedConfident;
  body["outcome"] = to_string(report.outcome);
  body["judge"] = report_json(report);
  body["elapsed_ms"] =
      std::chrono::duration<double, std::milli>(Clock::now() - exchange.arrived).count();
  reply_json(exchange, body);
}

// Has it judged, or answers without when no judge's thread is free before the deadline is near.
void judge_or_give_up(const Services& services, const std::shared_ptr<HybridRequest>& request,
                      const Scoring& scoring) {
  const Exchange& exchange = *scoring.exchange;
  const auto spare = std::min<Clock::duration>((exchange.deadline - exchange.arrived) / 10, kSpare);
  const auto answer = [&services, request, scoring](bool in_time) {
    guarded(*scoring.exchange, kJina, [&] { finish(services, *request, scoring, in_time); });
  };
  const auto in_time =
      unless_late(services, exchange.deadline - spare, [answer] { answer(/*in_time=*/false); });
  boost::asio::post(services.judges, [answer, in_time] {
    if (in_time()) answer(/*in_time=*/true);
  });
}

void rank(const Services& services, const ExchangePtr& exchange,
          const std::shared_ptr<HybridRequest>& request,
          const std::shared_ptr<const ServedModel>& model) {
  auto reranker = CrossEncoderReRanker::create(model->encoder, services.options.hybrid);
  if (!reranker.ok()) return reply_error(*exchange, kJina, request_error(reranker.error()));
  request->reranker = std::move(*reranker);

  auto job = std::make_shared<Job>();
  for (const SentDocument& sent : request->documents) {
    request->texts.push_back(request->reranker->scored_text(document_of(sent)));
    const std::size_t cut = chars_cut(sent.text, services.options.hybrid.max_chars);
    if (cut > 0 && services.options.rules.truncation == Truncation::kError) {
      return reply_error(*exchange, kJina,
                         request_error(base::chars_error(cut, services.options.hybrid.max_chars)));
    }
    request->chars_cut.push_back(cut);
  }
  for (const std::string& text : request->texts) job->pairs.push_back({request->query, text});
  job->texts = request;
  job->rules = services.options.rules;
  score(services, {.exchange = exchange,
                   .model = model,
                   .job = std::move(job),
                   .dialect = &kJina,
                   .done = [&services, request](const Scoring& scoring) {
                     judge_or_give_up(services, request, scoring);
                   }});
}

}  // namespace

void handle_hybrid(const Services& services, const ExchangePtr& exchange) {
  auto body = read_object(*exchange, kJina);
  if (!body) return;
  exchange->facts.dialect = "hybrid";
  if (services.judge == nullptr) {
    return reply_error(
        *exchange, kJina,
        {501, "this server has no judge; start it with --judge-url and --judge-model", ""});
  }
  Fields fields(*body);
  const auto request = read_hybrid(fields, services);
  if (fields.error()) return reply_error(*exchange, kJina, *fields.error());
  with_model(services, exchange, kJina, request->model,
             [&services, exchange, request](const auto& model) {
               rank(services, exchange, request, model);
             });
}

}  // namespace crossrank::server

// Dialects: each API's members as its own documentation has them. What is ours alone (`logit`,
// `truncated`, `id`, `metadata`, `complete`) stands beside what a client of the dialect knows.
#include "dialects.h"

#include <utility>

#include "base/ascii.h"

namespace crossrank::server {
namespace {

constexpr std::size_t kMaxTokens = std::size_t{1} << 20;  // no model has as many

json::Value relevance(const RerankRequest& request, const ScoredPair& pair) {
  return json::number(request.raw_scores ? pair.logit : pair.probability);
}

// A request of which nothing was read yet.
RerankRequest begun(const ServerOptions& options) {
  RerankRequest request;
  request.rules = options.rules;
  return request;
}

// What every dialect's result has of ours. `ranked` is null for a document the deadline cut off.
void add_ours(json::Value& result, const SentDocument& document, const RankedIndex* ranked) {
  if (!document.id.empty()) result["id"] = parsed(document.id);
  if (!document.metadata.empty()) result["metadata"] = parsed(document.metadata);
  if (ranked == nullptr) return;
  const TruncationReport& truncation = ranked->pair.truncation;
  result["logit"] = json::number(ranked->pair.logit);
  result["truncated"] = truncation.truncated();
  result["truncation"] = truncation_json(truncation);
  if (ranked->span) result["span"] = span_json(*ranked->span);
}

// One entry a document: the ranked ones, then those that have no score.
template <typename Entry>
json::Value entries(const RerankRequest& request, const RerankOutcome& outcome,
                    const Entry& entry) {
  json::Value list = json::Value::array();
  for (const RankedIndex& ranked : outcome.ranked)
    list.push_back(entry(ranked.index, &ranked.pair));
  for (const std::size_t index : outcome.unscored) list.push_back(entry(index, nullptr));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool has_score = i < outcome.ranked.size();
    const std::size_t index =
        has_score ? outcome.ranked[i].index : outcome.unscored[i - outcome.ranked.size()];
    add_ours(list[i], request.documents[index], has_score ? &outcome.ranked[i] : nullptr);
  }
  return list;
}

// ---- text-embeddings-inference

RerankRequest read_tei(Fields& fields, const ServerOptions& options) {
  RerankRequest request = begun(options);
  request.model = fields.string_or("model", "");
  request.query = fields.string("query");
  request.documents = fields.documents("texts", options.max_documents);
  request.return_documents = fields.boolean_or("return_text", false);
  request.raw_scores = fields.boolean_or("raw_scores", false);
  request.allow_partial = fields.boolean_or("allow_partial", false);
  read_tei_truncation(fields, request.rules);
  return request;
}

json::Value write_tei(const RerankRequest& request, const RerankOutcome& outcome) {
  return entries(request, outcome, [&](std::size_t index, const ScoredPair* pair) {
    json::Value entry = {{"index", index}};
    entry["score"] = pair == nullptr ? json::Value() : relevance(request, *pair);
    if (request.return_documents) entry["text"] = request.documents[index].text;
    return entry;
  });
}

std::string_view tei_error_type(const RequestError& error) {
  if (error.status == 400 && !error.field.empty()) return "Empty";
  switch (error.status) {
    case 429: return "Overloaded";
    case 503: return "Unhealthy";
    case 500:
    case 504: return "Backend";
    default: return "Validation";
  }
}

json::Value error_tei(const RequestError& error) {
  return {{"error", error.message}, {"error_type", tei_error_type(error)}};
}

// ---- Jina, infinity, llama.cpp, vLLM

RerankRequest read_jina(Fields& fields, const ServerOptions& options) {
  RerankRequest request = begun(options);
  request.model = fields.string_or("model", "");
  request.query = fields.string("query");
  request.documents = fields.documents("documents", options.max_documents);
  request.top_n = fields.count("top_n", 0, kMaxTokens).value_or(0);
  request.return_documents = fields.boolean_or("return_documents", false);
  request.raw_scores = fields.boolean_or("raw_scores", false);
  request.allow_partial = fields.boolean_or("allow_partial", false);
  request.rules.max_document_tokens = fields.count("max_tokens_per_doc", 0, kMaxTokens).value_or(0);
  return request;
}

json::Value write_jina(const RerankRequest& request, const RerankOutcome& outcome) {
  json::Value body = {
      {"object", "rerank"},
      {"id", outcome.id},
      {"created", outcome.created},
      {"model", outcome.model},
      {"usage", {{"prompt_tokens", outcome.tokens}, {"total_tokens", outcome.tokens}}}};
  body["results"] = entries(request, outcome, [&](std::size_t index, const ScoredPair* pair) {
    json::Value entry = {{"index", index}};
    entry["relevance_score"] = pair == nullptr ? json::Value() : relevance(request, *pair);
    if (request.return_documents) entry["document"] = request.documents[index].text;
    return entry;
  });
  if (request.allow_partial) body["complete"] = outcome.complete;
  return body;
}

std::string_view openai_error_type(unsigned status) {
  if (status == 401) return "authentication_error";
  if (status == 404) return "not_found_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

json::Value error_jina(const RequestError& error) {
  return {{"error",
           {{"message", error.message},
            {"type", openai_error_type(error.status)},
            {"param", error.field.empty() ? json::Value() : json::Value(error.field)},
            {"code", error.status}}}};
}

// ---- Cohere v2

RerankRequest read_cohere(Fields& fields, const ServerOptions& options) {
  RerankRequest request = begun(options);
  request.model = fields.string("model");
  request.query = fields.string("query");
  request.documents = fields.documents("documents", options.max_documents);
  request.top_n = fields.count("top_n", 1, kMaxTokens).value_or(0);
  request.allow_partial = fields.boolean_or("allow_partial", false);
  // Cohere's default of 4,096 is more than these models read: max_length cuts before.
  request.rules.max_document_tokens = fields.count("max_tokens_per_doc", 1, kMaxTokens).value_or(0);
  return request;
}

json::Value write_cohere(const RerankRequest& request, const RerankOutcome& outcome) {
  json::Value body = {{"id", outcome.id}};
  body["results"] = entries(request, outcome, [&](std::size_t index, const ScoredPair* pair) {
    json::Value entry = {{"index", index}};
    entry["relevance_score"] = pair == nullptr ? json::Value() : relevance(request, *pair);
    return entry;
  });
  // Cohere bills a query with up to 100 documents as one search unit.
  body["meta"] = {{"api_version", {{"version", "2"}}},
                  {"billed_units", {{"search_units", (request.documents.size() + 99) / 100}}}};
  if (request.allow_partial) body["complete"] = outcome.complete;
  return body;
}

json::Value error_cohere(const RequestError& error) { return {{"message", error.message}}; }

}  // namespace

const Dialect kTei{"tei", read_tei, write_tei, error_tei};
const Dialect kJina{"jina", read_jina, write_jina, error_jina};
const Dialect kCohere{"cohere", read_cohere, write_cohere, error_cohere};

json::Value truncation_json(const TruncationReport& report) {
  return {{"tokens_total", report.tokens_total},
          {"tokens_used", report.tokens_used},
          {"chars_cut", report.chars_cut},
          {"query_truncated", report.query_truncated},
          {"document_truncated", report.document_truncated}};
}

json::Value span_json(const TextSpan& span) {
  return {{"begin_byte", span.begin_byte},
          {"end_byte", span.end_byte},
          {"begin_char", span.begin_char},
          {"end_char", span.end_char}};
}

void read_tei_truncation(Fields& fields, ScoringRules& rules) {
  const bool is_error = rules.truncation == Truncation::kError;
  const bool truncate = fields.boolean_or("truncate", !is_error);
  if (truncate && is_error) rules.truncation = Truncation::kLongestFirst;
  if (!truncate) rules.truncation = Truncation::kError;
  const std::string side = base::ascii_lower(fields.string_or("truncation_direction", ""));
  if (side == "left") {
    rules.side = TruncationSide::kLeft;
  } else if (side == "right") {
    rules.side = TruncationSide::kRight;
  } else if (!side.empty() || fields.has("truncation_direction")) {
    fields.fail(
        {422, "`truncation_direction` must be \"left\" or \"right\"", "truncation_direction"});
  }
}

Reply error_reply(const Dialect& dialect, const RequestError& error) {
  Reply reply;
  reply.status = error.status;
  reply.body = json::dump(dialect.error(error));
  if (error.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.retry_after > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(error.retry_after));
  }
  return reply;
}

}  // namespace crossrank::server

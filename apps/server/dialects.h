// Dialects: the JSON of each rerank API that clients may speak, to and from RerankRequest.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "exchange.h"
#include "fields.h"
#include "json/json.h"
#include "options.h"
#include "rerank_request.h"

namespace crossrank::server {

struct Dialect {
  std::string_view name;  // in logs and metrics
  // Reads the body's object; what is wrong stands in fields.error().
  RerankRequest (*read)(Fields& fields, const ServerOptions& options);
  json::Value (*write)(const RerankRequest& request, const RerankOutcome& outcome);
  json::Value (*error)(const RequestError& error);
};

// POST /rerank of text-embeddings-inference: `texts` in, a bare array out.
extern const Dialect kTei;
// POST /v1/rerank of Jina, infinity, llama.cpp and vLLM.
extern const Dialect kJina;
// POST /v2/rerank of Cohere.
extern const Dialect kCohere;

// `truncate` and `truncation_direction` of text-embeddings-inference, over what `rules` say.
void read_tei_truncation(Fields& fields, ScoringRules& rules);

// {tokens_total, tokens_used, chars_cut, query_truncated, document_truncated}
json::Value truncation_json(const TruncationReport& report);

// {begin_byte, end_byte, begin_char, end_char}
json::Value span_json(const TextSpan& span);

// Retry-After and the status go into the reply; the rest is the dialect's.
Reply error_reply(const Dialect& dialect, const RequestError& error);

}  // namespace crossrank::server

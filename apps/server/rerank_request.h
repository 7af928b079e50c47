// RerankRequest and RerankOutcome: what all dialects of reranking have in common. No JSON of any
// dialect's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "crossrank/document.h"
#include "job.h"
#include "json/json.h"

namespace crossrank::server {

// A document as it was sent: a string, or an object with its text.
struct SentDocument {
  std::string text;
  std::optional<json::Value> id;        // echoed
  std::optional<json::Value> metadata;  // echoed
};

struct RerankRequest {
  std::string model;  // as the client calls it; "" = it does not say
  std::string query;
  std::vector<SentDocument> documents;
  std::size_t top_n = 0;  // 0 = all
  bool return_documents = false;
  bool raw_scores = false;     // logits instead of probabilities
  bool allow_partial = false;  // at the deadline what is there, instead of an error
  ScoringRules rules;
};

struct RerankOutcome {
  std::string id;                     // of the request
  std::string model;                  // that scored
  long long created = 0;              // seconds since 1970
  std::vector<RankedIndex> ranked;    // best first, at most top_n
  std::vector<std::size_t> unscored;  // at the deadline, in the order they came; at most the rest
  std::size_t tokens = 0;             // that the model saw
  bool complete = true;
};

}  // namespace crossrank::server

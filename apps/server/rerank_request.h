// RerankRequest and RerankOutcome: what all dialects of reranking have in common. No JSON of any
// dialect's own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crossrank/document.h"
#include "job.h"

namespace crossrank::server {

// A document as it was sent: a string, or an object with its text. What is echoed waits as JSON
// text: parsed it can take twenty times as much memory.
struct SentDocument {
  std::string text;
  std::string id;        // JSON; "" = not sent
  std::string metadata;  // JSON; "" = not sent
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

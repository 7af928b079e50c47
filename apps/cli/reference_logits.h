// Logits that known models must give, for `crossrank doctor`. Data only: nothing here scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crossrank/cross_encoder.h"

namespace crossrank::cli {

struct ReferenceLogit {
  std::string_view query;
  std::string_view document;
  std::size_t repeat;  // how often the document is repeated, for a long one
  float logit;
  float tolerance;  // absolute
};

struct ReferenceSet {
  std::string_view origin;          // "logits of WHOM", for messages
  std::string_view weights_sha256;  // of the model.safetensors they were computed with; "" unknown
  std::span<const ReferenceLogit> pairs;
  std::string_view tokenized;         // a text
  std::span<const std::int32_t> ids;  // its token ids
};

// The built-in model, by sentence-transformers.
const ReferenceSet& builtin_reference();
// cross-encoder/ms-marco-MiniLM-L-6-v2, as published.
const ReferenceSet& minilm_reference();

// The set that `info` must reproduce: by the digest of its weights, by the name of the hub's model
// (its folder in a path too), or because it says that it is the built-in one. Null if there is
// none.
const ReferenceSet* find_reference(const ModelInfo& info, std::string_view weights_sha256);

}  // namespace crossrank::cli

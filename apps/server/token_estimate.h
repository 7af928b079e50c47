// What scoring a pair costs, estimated from its bytes: before it is scored nobody tokenizes it.
#pragma once

#include <cstddef>

#include "crossrank/document.h"
#include "job.h"

namespace crossrank::server {

// English has 4.3 bytes a token, most other languages fewer.
inline constexpr std::size_t kBytesPerToken = 4;

// Tokens that the model computes, of all chunks where the rules use some. `model_max_length`: the
// model's own limit of a pair.
std::size_t estimated_tokens(const TextPair& pair, const ScoringRules& rules,
                             std::size_t model_max_length);

}  // namespace crossrank::server

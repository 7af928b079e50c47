// Estimates: the arithmetic of text/pair_encoder on estimated lengths.
#include "token_estimate.h"

#include <algorithm>

namespace crossrank::server {
namespace {

constexpr std::size_t kSpecialTokens = 3;

}  // namespace

std::size_t estimated_tokens(const TextPair& pair, const ScoringRules& rules,
                             std::size_t model_max_length) {
  const std::size_t longest =
      rules.max_length == 0 ? model_max_length : std::min(rules.max_length, model_max_length);
  const std::size_t beside = pair.query.size() / kBytesPerToken + kSpecialTokens;
  std::size_t document = pair.document.size() / kBytesPerToken;
  if (rules.max_document_tokens != 0) document = std::min(document, rules.max_document_tokens);
  // A query that leaves no room for a chunk is refused, which costs next to nothing.
  if (!uses_chunks(rules.truncation) || beside >= longest) {
    return std::min(beside + document, longest);
  }
  const std::size_t size = std::min(rules.chunk.tokens, longest - beside);
  if (document <= size) return beside + document;
  const std::size_t overlap = rules.chunk.overlap < size ? rules.chunk.overlap : size / 2;
  const std::size_t step = size - overlap;
  const std::size_t most = rules.truncation == Truncation::kFirst ? 1 : rules.chunk.max_chunks;
  const std::size_t chunks = std::min(1 + (document - size + step - 1) / step, most);
  return chunks * (beside + size);
}

}  // namespace crossrank::server

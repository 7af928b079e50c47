// How long a pair may be.
#include "engine/length_limits.h"

#include <algorithm>
#include <string>

#include "base/try.h"

namespace crossrank::engine {
namespace {

Error too_short(ErrorCode code, const std::string& what, std::size_t tokens,
                std::size_t special_tokens) {
  return {code, what + " is " + std::to_string(tokens) + ", but a pair needs at least " +
                    std::to_string(special_tokens) + " for its special tokens"};
}

}  // namespace

Result<LengthLimits> length_limits(std::size_t asked, std::size_t own_max_length,
                                   std::size_t max_positions, std::size_t special_tokens) {
  if (asked != 0 && asked < special_tokens) {
    return too_short(ErrorCode::kInvalidArgument, "max_length", asked, special_tokens);
  }
  if (max_positions < special_tokens) {
    return too_short(ErrorCode::kBadConfig, "config.json: max_position_embeddings", max_positions,
                     special_tokens);
  }
  if (asked == 0 && own_max_length < special_tokens) {
    return too_short(ErrorCode::kBadConfig, "the model's max_seq_length or model_max_length",
                     own_max_length, special_tokens);
  }
  LengthLimits limits;
  limits.usual = std::min(asked != 0 ? asked : own_max_length, max_positions);
  limits.longest = asked != 0 ? limits.usual : max_positions;
  limits.special_tokens = special_tokens;
  return limits;
}

Result<text::CutRules> cut_rules(const ScoreOptions& options, const LengthLimits& limits,
                                 bool truncate_left) {
  text::CutRules rules;
  rules.max_length =
      options.max_length == 0 ? limits.usual : std::min(options.max_length, limits.longest);
  rules.special_tokens = limits.special_tokens;
  rules.policy = options.truncation;
  rules.max_document_tokens = options.max_document_tokens;
  rules.truncate_left = truncate_left;
  switch (options.truncation_side) {
    case TruncationSide::kModel: break;
    case TruncationSide::kRight: rules.truncate_left = false; break;
    case TruncationSide::kLeft: rules.truncate_left = true; break;
  }
  rules.chunk = options.chunk;
  CR_TRY(text::check_rules(rules));
  return rules;
}

}  // namespace crossrank::engine

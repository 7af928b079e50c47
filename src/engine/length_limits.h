// How long a pair may be: the model's limits and the caller's options put together.
#pragma once

#include <cstddef>

#include "crossrank/options.h"
#include "crossrank/result.h"
#include "text/pair_encoder.h"

namespace crossrank::engine {

struct LengthLimits {
  std::size_t usual = 0;    // tokens a pair when the caller does not say
  std::size_t longest = 0;  // what the caller may ask for; more is clamped to it
  std::size_t special_tokens = text::kMinPairSpecialTokens;  // of a pair
};

// `asked` is LoadOptions::max_length, `own_max_length` what the model's files say. As in the
// reference, a stated length overrides those, and nothing overrides the position table. Errors:
// kInvalidArgument for an asked length, kBadConfig for a model's own, that has no room for the
// special tokens of a pair.
Result<LengthLimits> length_limits(std::size_t asked, std::size_t own_max_length,
                                   std::size_t max_positions, std::size_t special_tokens);

// The rules for pairs under `options`, checked. Errors: kInvalidArgument.
Result<text::CutRules> cut_rules(const ScoreOptions& options, const LengthLimits& limits,
                                 bool truncate_left);

}  // namespace crossrank::engine

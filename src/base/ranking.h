// Rules that CrossEncoder and CrossEncoderReRanker share: order, labels, thresholds, and what no
// cut means.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

#include "crossrank/result.h"

namespace crossrank::base {

// Logit descending, ties by index ascending: a strict total order.
struct RanksBefore {
  template <typename Ranked>  // has .index and .pair.logit
  bool operator()(const Ranked& a, const Ranked& b) const {
    return a.pair.logit != b.pair.logit ? a.pair.logit > b.pair.logit : a.index < b.index;
  }
};

// Only one label gives one order. `model` is its name.
inline Result<void> check_one_label(const std::string& model, std::size_t labels) {
  if (labels == 1) return {};
  return Error{ErrorCode::kUnsupportedModel, "ranking needs a model with one label, but " + model +
                                                 " has " + std::to_string(labels) +
                                                 "; it can only score pairs"};
}

// What Truncation::kError makes of a text of which max_chars would cut `cut` characters.
inline Error chars_error(std::size_t cut, std::size_t max_chars) {
  return {ErrorCode::kTooLong, "The document has " + std::to_string(max_chars + cut) +
                                   " characters, of which max_chars keeps " +
                                   std::to_string(max_chars) +
                                   ". Raise max_chars (0 = all), or choose a truncation policy "
                                   "that cuts."};
}

// Options has .min_logit and .min_probability, both optional and inclusive.
template <typename Options>
Result<void> check_thresholds(const Options& options) {
  if (options.min_logit && std::isnan(*options.min_logit)) {
    return Error{ErrorCode::kInvalidArgument, "min_logit is not a number"};
  }
  if (options.min_probability &&
      !(*options.min_probability >= 0.0F && *options.min_probability <= 1.0F)) {
    return Error{ErrorCode::kInvalidArgument, "min_probability is " +
                                                  std::to_string(*options.min_probability) +
                                                  "; a probability lies between 0 and 1"};
  }
  return {};
}

template <typename Scored, typename Options>
bool passes_thresholds(const Scored& pair, const Options& options) {
  return (!options.min_logit || pair.logit >= *options.min_logit) &&
         (!options.min_probability || pair.probability >= *options.min_probability);
}

}  // namespace crossrank::base

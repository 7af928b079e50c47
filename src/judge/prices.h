// What a model's tokens cost, from the operator's own file. Ships no prices: they would be old.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "crossrank/result.h"
#include "judge/answer.h"

namespace crossrank::judge {

struct Price {
  double input_per_million = 0;
  double output_per_million = 0;

  double of(const Usage& usage) const;
};

// Reads {"MODEL": {"input_per_million": number, "output_per_million": number}, ...}. Errors:
// kFileNotFound, kIoError; kBadInput for another shape; kInvalidArgument when `model` is not in it.
Result<Price> load_price(const std::string& path, const std::string& model);

}  // namespace crossrank::judge

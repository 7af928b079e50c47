// safetensors: header validation and tensor views. Does not know which tensors a model needs.
#pragma once

#include <string>
#include <unordered_map>

#include "base/blob.h"
#include "crossrank/result.h"
#include "weights/tensor.h"

namespace crossrank::weights {

using TensorMap = std::unordered_map<std::string, TensorView>;

// Parses and checks a whole file; the views point into file.bytes(). Every violation of the format
// is kBadSafetensors with the file's name, the tensor's name and the numbers that disagree.
Result<TensorMap> parse_safetensors(const base::Blob& file);

}  // namespace crossrank::weights

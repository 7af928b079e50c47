// WeightMap: the tensors that a model needs, by the names found in the wild, checked. No
// arithmetic.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "kernels/kernel_table.h"
#include "weights/safetensors.h"

namespace crossrank::model {

// A checked tensor in place: finite, of a floating type, of the expected shape.
struct Weight {
  const void* data = nullptr;
  kernels::WeightType type = kernels::WeightType::kF32;
  std::size_t rows = 0;     // 1 for vectors
  std::size_t columns = 0;  // fastest dimension

  const void* row(std::size_t i) const;
};

// Looks tensors up. Checkpoints carry their encoder under "bert.", "electra." or "roberta." or
// bare, and old ones call LayerNorm's weight and bias gamma and beta; tensors that nobody asks for
// are ignored.
class WeightMap {
 public:
  // Errors: kBadWeights when no known prefix has word embeddings.
  static Result<WeightMap> create(const weights::TensorMap& tensors,
                                  const kernels::KernelTable& kernels,
                                  std::string_view family_prefix);

  // The encoder's tensor `name` (without prefix) of exactly `shape`.
  // Errors: kBadWeights naming the tensor: missing, shape, dtype, NaN or infinity.
  Result<Weight> encoder(std::string_view name, std::initializer_list<std::size_t> shape);
  // The same for tensors outside the encoder ("classifier.weight").
  Result<Weight> top_level(std::string_view name, std::initializer_list<std::size_t> shape);
  // Rows of a 2-dimensional top-level tensor. Errors: kBadWeights when missing or of another rank.
  Result<std::size_t> top_level_rows(std::string_view name) const;

  // The full name of the encoder's tensor `name`, and whether there is one of a full name.
  std::string encoder_name(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(const std::string& full_name) const { return tensors_.contains(full_name); }

  std::size_t elements() const { return elements_; }  // of all tensors handed out

 private:
  WeightMap(const weights::TensorMap& tensors, const kernels::KernelTable& kernels,
            std::string prefix)
      : tensors_(tensors), kernels_(kernels), prefix_(std::move(prefix)) {}
  Result<Weight> get(const std::string& name, std::initializer_list<std::size_t> shape);

  const weights::TensorMap& tensors_;
  const kernels::KernelTable& kernels_;
  std::string prefix_;
  std::size_t elements_ = 0;
};

}  // namespace crossrank::model

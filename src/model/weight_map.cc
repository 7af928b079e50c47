// WeightMap: lookup and checks.
#include "model/weight_map.h"

#include <optional>

#include "base/try.h"

namespace crossrank::model {
namespace {

std::optional<kernels::WeightType> weight_type(weights::DType dtype) {
  if (dtype == weights::DType::kF32) return kernels::WeightType::kF32;
  if (dtype == weights::DType::kF16) return kernels::WeightType::kF16;
  if (dtype == weights::DType::kBF16) return kernels::WeightType::kBF16;
  return std::nullopt;
}

Error bad(const std::string& tensor, const std::string& what) {
  return {ErrorCode::kBadWeights, "Tensor \"" + tensor + "\" " + what};
}

// Names of old TensorFlow conversions: "x.LayerNorm.weight" -> "x.LayerNorm.gamma".
std::string legacy_name(const std::string& name) {
  constexpr std::string_view kWeight = "LayerNorm.weight";
  constexpr std::string_view kBias = "LayerNorm.bias";
  if (name.ends_with(kWeight)) return name.substr(0, name.size() - 6) + "gamma";
  if (name.ends_with(kBias)) return name.substr(0, name.size() - 4) + "beta";
  return name;
}

}  // namespace

const void* Weight::row(std::size_t i) const {
  const std::size_t bytes = type == kernels::WeightType::kF32 ? 4 : 2;
  return static_cast<const char*>(data) + i * columns * bytes;
}

Result<WeightMap> WeightMap::create(const weights::TensorMap& tensors,
                                    const kernels::KernelTable& kernels,
                                    std::string_view family_prefix) {
  for (const std::string& prefix : {std::string(family_prefix), std::string()}) {
    if (tensors.contains(prefix + "embeddings.word_embeddings.weight")) {
      return WeightMap(tensors, kernels, prefix);
    }
  }
  return bad(std::string(family_prefix) + "embeddings.word_embeddings.weight",
             "is missing, with and without its prefix. Are these the weights of this config?");
}

Result<Weight> WeightMap::encoder(std::string_view name, std::initializer_list<std::size_t> shape) {
  return get(prefix_ + std::string(name), shape);
}

Result<Weight> WeightMap::top_level(std::string_view name,
                                    std::initializer_list<std::size_t> shape) {
  return get(std::string(name), shape);
}

Result<std::size_t> WeightMap::top_level_rows(std::string_view name) const {
  const auto found = tensors_.find(std::string(name));
  if (found == tensors_.end()) {
    return bad(std::string(name), "is missing: this model has no sequence classification head.");
  }
  if (found->second.shape.size() != 2) {
    return bad(std::string(name), "has shape " + weights::shape_text(found->second.shape) +
                                      ", expected two dimensions.");
  }
  return found->second.shape[0];
}

Result<Weight> WeightMap::get(const std::string& name, std::initializer_list<std::size_t> shape) {
  auto found = tensors_.find(name);
  if (found == tensors_.end()) found = tensors_.find(legacy_name(name));
  if (found == tensors_.end()) return bad(name, "is missing from the weights.");
  const weights::TensorView& tensor = found->second;
  const std::vector<std::size_t> expected(shape);
  if (tensor.shape != expected) {
    return bad(found->first, "has shape " + weights::shape_text(tensor.shape) +
                                 ", the config implies " + weights::shape_text(expected) + ".");
  }
  const std::optional<kernels::WeightType> type = weight_type(tensor.dtype);
  if (!type) {
    const std::string type_name = tensor.dtype == weights::DType::kOther
                                      ? tensor.other_dtype
                                      : std::string(weights::dtype_name(tensor.dtype));
    return bad(found->first, "is of type " + type_name + "; save the model in F32, F16 or BF16.");
  }
  if (!kernels_.all_finite(tensor.bytes.data(), *type, tensor.elements())) {
    return bad(found->first, "holds NaN or infinity: the file is damaged or training diverged.");
  }
  elements_ += tensor.elements();
  return Weight{tensor.bytes.data(), *type, expected.size() == 2 ? expected[0] : 1,
                expected.back()};
}

}  // namespace crossrank::model

// Sizes and names of dtypes, in one table.
#include "weights/tensor.h"

#include <algorithm>
#include <array>

namespace crossrank::weights {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;  // as safetensors writes it
  std::size_t bytes;
};

constexpr std::array<DTypeInfo, 16> kDTypes = {{{DType::kBool, "BOOL", 1},
                                                {DType::kU8, "U8", 1},
                                                {DType::kI8, "I8", 1},
                                                {DType::kF8E4M3, "F8_E4M3", 1},
                                                {DType::kF8E5M2, "F8_E5M2", 1},
                                                {DType::kI16, "I16", 2},
                                                {DType::kU16, "U16", 2},
                                                {DType::kF16, "F16", 2},
                                                {DType::kBF16, "BF16", 2},
                                                {DType::kI32, "I32", 4},
                                                {DType::kU32, "U32", 4},
                                                {DType::kF32, "F32", 4},
                                                {DType::kI64, "I64", 8},
                                                {DType::kU64, "U64", 8},
                                                {DType::kF64, "F64", 8},
                                                {DType::kOther, "other", 0}}};

constexpr bool is_in_enum_order() {
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].dtype != static_cast<DType>(i)) return false;
  }
  return true;
}
static_assert(is_in_enum_order(), "the table is indexed by DType");

}  // namespace

std::size_t dtype_bytes(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].bytes; }

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  const auto* found =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& d) { return d.name == name; });
  if (found == kDTypes.end()) return std::nullopt;
  return found->dtype;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  constexpr std::size_t kShown = 8;  // no tensor of a model has more
  std::string out = "[";
  for (std::size_t i = 0; i < std::min(shape.size(), kShown); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  if (shape.size() > kShown) out += ", ... " + std::to_string(shape.size()) + " dimensions";
  return out + "]";
}

}  // namespace crossrank::weights

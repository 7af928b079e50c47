// TensorView: a named tensor somewhere in mapped bytes. No arithmetic, no ownership.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossrank::weights {

enum class DType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kI64,
  kU64,
  kF64,
  kOther  // any name but those: what its bytes mean is unknown
};

std::size_t dtype_bytes(DType dtype);      // of one element; 0 for kOther
std::string_view dtype_name(DType dtype);  // as in the file: "F16"
std::optional<DType> dtype_from_name(std::string_view name);

// "[2, 3]", for messages; of a shape with many dimensions the first and their number.
std::string shape_text(const std::vector<std::size_t>& shape);

struct TensorView {
  DType dtype = DType::kF32;
  std::vector<std::size_t> shape;  // row-major; empty = scalar
  std::string_view bytes;          // little-endian; alignment is not guaranteed
  std::string other_dtype;         // kOther: the name in the file, quoted for messages

  std::size_t elements() const {
    std::size_t n = 1;
    for (const std::size_t d : shape) n *= d;  // overflow was checked when parsed
    return n;
  }
};

}  // namespace crossrank::weights

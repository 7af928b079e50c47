// ByteSpan: where a token comes from.
#pragma once

#include <cstdint>

namespace crossrank::text {

// The bytes [begin, end) of a token in the text it was made from.
struct ByteSpan {
  std::uint32_t begin = 0, end = 0;
};

}  // namespace crossrank::text

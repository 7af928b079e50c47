// All kernels of an instruction set and the table of them. Included once, inside an unnamed
// namespace, after the vocabulary of simd/.

#include "kernels/ops/math-inl.h"
//
#include "kernels/ops/rows-inl.h"
//
#include "kernels/ops/gemm-inl.h"
//
#include "kernels/ops/attention-inl.h"

constexpr KernelTable make_table(const char* name, uint64_t required_features) {
  return {
      .name = name,
      .required_features = required_features,
      .row_block = kTileRows,
      .linear_block = kPanel,
      .packed_linear_bytes = packed_linear_bytes,
      .pack_linear = pack_linear,
      .linear = linear,
      .attention_scratch = attention_scratch,
      .attention = attention,
      .add_layer_norm = add_layer_norm,
      .add_row = add_row,
      .all_finite = all_finite,
  };
}

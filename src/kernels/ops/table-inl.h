// All kernels of an instruction set and the table of them. Included once, inside an unnamed
// namespace, after the vocabulary of simd/. Narrow arithmetic comes on top: ops/units-inl.h.

#include "kernels/ops/math-inl.h"
//
#include "kernels/ops/rows-inl.h"
//
#include "kernels/ops/tiles-inl.h"
//
#include "kernels/ops/fp32-inl.h"
//
#include "kernels/ops/attention-inl.h"

constexpr KernelTable make_table(const char* name, uint64_t required_features,
                                 Arithmetic arithmetic = Arithmetic::kFp32,
                                 const LinearKernels& linear = kLinearFp32,
                                 const AttentionKernels& attention = kAttentionFp32) {
  return {
      .name = name,
      .arithmetic = arithmetic,
      .required_features = required_features,
      .row_block = kTileRows,
      .linear_block = kPanel,
      .linear = linear,
      .linear_fp32 = kLinearFp32,
      .attention = attention,
      .add_layer_norm = add_layer_norm,
      .add_row = add_row,
      .all_finite = all_finite,
  };
}

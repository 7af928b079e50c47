// The kernels for any CPU of the platform's baseline. Compiled with flags of its own: C headers and
// intrinsics only, everything but the table in an unnamed namespace (docs/design/0002-kernels.md).
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/scalar-inl.h"
//
#include "kernels/ops/math-inl.h"
//
#include "kernels/ops/rows-inl.h"
//
#include "kernels/ops/gemm-inl.h"
//
#include "kernels/ops/attention-inl.h"

}  // namespace

extern const KernelTable kScalarKernels = {
    .name = "scalar",
    .required_features = 0,
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

}  // namespace crossrank::kernels

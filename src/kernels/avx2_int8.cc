// The kernels for AVX2 with linear layers in int8.
// Compiled with flags of its own: C headers and intrinsics only, everything but the table in an
// unnamed namespace (docs/design/0002-kernels.md).
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/avx2-inl.h"
//
#include "kernels/ops/table-inl.h"
//
#include "kernels/simd/avx2_int16-inl.h"
//
#include "kernels/ops/units-inl.h"
//
#include "kernels/ops/int8-inl.h"

}  // namespace

extern const KernelTable kAvx2Int8Kernels;
constinit const KernelTable kAvx2Int8Kernels =
    make_table("avx2", kFeatureAvx2, Arithmetic::kInt8, kLinearInt8);

}  // namespace crossrank::kernels

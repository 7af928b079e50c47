// The kernels for x86-64 with AVX2, FMA and F16C. Compiled with flags of its own: C headers and
// intrinsics only, everything but the table in an unnamed namespace (docs/design/0002-kernels.md).
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/avx2-inl.h"
//
#include "kernels/ops/table-inl.h"

}  // namespace

extern const KernelTable kAvx2Kernels;
constinit const KernelTable kAvx2Kernels = make_table("avx2", kFeatureAvx2);

}  // namespace crossrank::kernels

// The kernels for x86-64 with AVX-512 F, BW, DQ and VL. Compiled with flags of its own: C headers
// and intrinsics only, everything but the table in an unnamed namespace
// (docs/design/0002-kernels.md).
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/avx512-inl.h"
//
#include "kernels/ops/table-inl.h"

}  // namespace

extern const KernelTable kAvx512Kernels;
constinit const KernelTable kAvx512Kernels = make_table("avx512", kFeatureAvx512);

}  // namespace crossrank::kernels

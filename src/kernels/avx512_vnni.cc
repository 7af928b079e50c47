// The kernels for AVX-512 with linear layers in int8, by VNNI.
// Compiled with flags of its own: C headers and intrinsics only, everything but the table in an
// unnamed namespace (docs/design/0002-kernels.md).
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/avx512-inl.h"
//
#include "kernels/ops/table-inl.h"
//
#include "kernels/simd/avx512_vnni-inl.h"
//
#include "kernels/ops/units-inl.h"
//
#include "kernels/ops/int8-inl.h"

}  // namespace

extern const KernelTable kAvx512VnniKernels;
constinit const KernelTable kAvx512VnniKernels =
    make_table("avx512", kFeatureAvx512 | kFeatureAvx512Vnni, Arithmetic::kInt8, kLinearInt8);

}  // namespace crossrank::kernels

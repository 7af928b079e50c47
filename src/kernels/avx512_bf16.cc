// The kernels for AVX-512 with linear layers and attention in bfloat16.
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
#include "kernels/simd/avx512_bf16-inl.h"
//
#include "kernels/ops/units-inl.h"
//
#include "kernels/ops/bf16-inl.h"
//
#include "kernels/ops/attention_bf16-inl.h"

}  // namespace

extern const KernelTable kAvx512Bf16Kernels;
constinit const KernelTable kAvx512Bf16Kernels = make_table(
    "avx512", kFeatureAvx512 | kFeatureAvx512Bf16, Arithmetic::kBf16, kLinearBf16, kAttentionBf16);

}  // namespace crossrank::kernels

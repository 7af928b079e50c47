// The kernels for AArch64 with linear layers in int8, by Armv8.2's dot product.
// Compiled with flags of its own: C headers and intrinsics only, everything but the table in an
// unnamed namespace (docs/design/0002-kernels.md).
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/neon-inl.h"
//
#include "kernels/ops/table-inl.h"
//
#include "kernels/simd/neon_dotprod-inl.h"
//
#include "kernels/ops/units-inl.h"
//
#include "kernels/ops/int8-inl.h"

}  // namespace

extern const KernelTable kNeonDotProdKernels;
constinit const KernelTable kNeonDotProdKernels =
    make_table("neon", kFeatureDotProd, Arithmetic::kInt8, kLinearInt8);

}  // namespace crossrank::kernels

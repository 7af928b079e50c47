// The kernels for AArch64's baseline, which has NEON with FMA. Compiled with flags of its own:
// C headers and intrinsics only, everything but the table in an unnamed namespace
// (docs/design/0002-kernels.md).
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/neon-inl.h"
//
#include "kernels/ops/table-inl.h"

}  // namespace

extern const KernelTable kNeonKernels;
constinit const KernelTable kNeonKernels = make_table("neon", 0);

}  // namespace crossrank::kernels

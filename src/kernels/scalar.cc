// The kernels for any CPU of the platform's baseline. Compiled with flags of its own: C headers and
// intrinsics only, everything but the table in an unnamed namespace (docs/design/0002-kernels.md).
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/scalar-inl.h"
//
#include "kernels/ops/table-inl.h"

}  // namespace

extern const KernelTable kScalarKernels;
constinit const KernelTable kScalarKernels = make_table("scalar", 0);

}  // namespace crossrank::kernels

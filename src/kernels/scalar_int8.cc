// The kernels for any CPU of the platform's baseline with linear layers in int8.
// Compiled with flags of its own: C headers and intrinsics only, everything but the table in an
// unnamed namespace (docs/design/0002-kernels.md).
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_table.h"

namespace crossrank::kernels {
namespace {

#include "kernels/simd/scalar-inl.h"
//
#include "kernels/ops/table-inl.h"
//
#include "kernels/simd/scalar_int16-inl.h"
//
#include "kernels/ops/units-inl.h"
//
#include "kernels/ops/int8-inl.h"

}  // namespace

extern const KernelTable kScalarInt8Kernels;
constinit const KernelTable kScalarInt8Kernels =
    make_table("scalar", 0, Arithmetic::kInt8, kLinearInt8);

}  // namespace crossrank::kernels

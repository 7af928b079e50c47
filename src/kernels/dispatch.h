// Which kernel tables this build has and this machine runs. Holds no state: callers keep the table.
#pragma once

#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "kernels/kernel_table.h"

namespace crossrank::kernels {

// Tables that are compiled in and that this CPU and operating system run, by arithmetic and best
// first in each. There is always a scalar one for fp32 and int8.
std::vector<const KernelTable*> available_kernels();
std::vector<const KernelTable*> available_kernels(Arithmetic arithmetic);

// The best of `arithmetic` with that ISA name; "" = of any. kUnsupportedIsa and
// kUnsupportedPrecision name what can be had.
Result<const KernelTable*> find_kernels(std::string_view isa, Arithmetic arithmetic);

// "fp32", "bf16" or "int8".
const char* name_of(Arithmetic arithmetic);

}  // namespace crossrank::kernels

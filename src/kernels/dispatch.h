// Which kernel tables this build has and this machine runs. Holds no state: callers keep the table.
#pragma once

#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "kernels/kernel_table.h"

namespace crossrank::kernels {

// Tables that are compiled in and that this CPU and operating system run, best first; never empty.
std::vector<const KernelTable*> available_kernels();

// "" = the best. kUnsupportedIsa names what can be had.
Result<const KernelTable*> kernels_by_name(std::string_view name);

}  // namespace crossrank::kernels

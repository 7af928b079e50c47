// How many CPUs this process may use. Not how many the machine has.
#pragma once

#include <cstddef>

namespace crossrank::base {

// min(affinity mask, cgroup v1/v2 CPU quota rounded up), at least 1.
std::size_t available_cpus();

}  // namespace crossrank::base

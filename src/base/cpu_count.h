// How many CPUs this process may use. Not how many the machine has.
#pragma once

#include <cstddef>
#include <string>

namespace crossrank::base {

// min(affinity mask, cgroup v1/v2 CPU quota rounded up), at least 1.
std::size_t available_cpus();

// The smallest cgroup quota on the way from this process's group to the root, in CPUs rounded up;
// SIZE_MAX when there is none. `root` goes before /proc and /sys, for tests.
std::size_t cgroup_cpus(const std::string& root = "");

}  // namespace crossrank::base

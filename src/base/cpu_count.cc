// CPU count from sched_getaffinity and the cgroup quota.
#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

namespace crossrank::base {
namespace {

std::size_t affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

std::size_t cpus_of(double quota, double period) {
  if (quota <= 0 || period <= 0) return static_cast<std::size_t>(-1);
  return static_cast<std::size_t>(std::max(1.0, std::ceil(quota / period)));
}

}  // namespace

std::size_t cgroup_cpus(const std::string& root) {
  std::size_t best = static_cast<std::size_t>(-1);
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = controllers.empty();
    if (!v2 && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    const std::string mount = root + (v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu");
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      double quota = 0;
      double period = 0;
      if (v2) {
        std::ifstream max(mount + path + "/cpu.max");  // "max 100000" leaves quota 0: no limit
        max >> quota >> period;
      } else {
        std::ifstream(mount + path + "/cpu.cfs_quota_us") >> quota;
        std::ifstream(mount + path + "/cpu.cfs_period_us") >> period;
      }
      best = std::min(best, cpus_of(quota, period));
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return best;
}

std::size_t available_cpus() { return std::min(affinity_cpus(), cgroup_cpus()); }

}  // namespace crossrank::base

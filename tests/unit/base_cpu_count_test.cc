// Tests of src/base/cpu_count on this machine's affinity and on made-up cgroup trees.
#include "base/cpu_count.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <string>

#include "tests/support/temp_folder.h"

namespace crossrank::base {
namespace {

TEST(CpuCount, FollowsTheAffinityMask) {
  cpu_set_t all;
  CPU_ZERO(&all);
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  EXPECT_GE(available_cpus(), 1u);
  EXPECT_LE(available_cpus(), static_cast<std::size_t>(CPU_COUNT(&all)));
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(available_cpus(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
}

class CgroupTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    write_file(root_ + path, text);
  }

  const TempFolder folder_;
  const std::string root_ = folder_.path().string();
};

TEST_F(CgroupTest, NothingThereIsNoLimit) {
  EXPECT_EQ(cgroup_cpus(root_), SIZE_MAX);
  write("/proc/self/cgroup", "nonsense\n\n::\n0::\n");
  EXPECT_EQ(cgroup_cpus(root_), SIZE_MAX);
}

TEST_F(CgroupTest, VersionTwoTakesTheSmallestQuotaUpToTheRoot) {
  write("/proc/self/cgroup", "0::/pod/box\n");
  write("/sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), SIZE_MAX);
  write("/sys/fs/cgroup/pod/box/cpu.max", "800000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 8u);
  write("/sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 3u);
  write("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 2u);
}

TEST_F(CgroupTest, FractionsAreRoundedUp) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 2u);
  write("/sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 1u);
}

TEST_F(CgroupTest, InAContainerThePathMayLeadOutside) {
  write("/proc/self/cgroup", "0::/../../other\n");
  write("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(cgroup_cpus(root_), 4u);
}

TEST_F(CgroupTest, VersionOneReadsTheCpuController) {
  write("/proc/self/cgroup", "5:cpuset:/a\n4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n");
  write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpus(root_), SIZE_MAX);
  write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(cgroup_cpus(root_), 3u);
}

TEST_F(CgroupTest, UnreadableNumbersAreNoLimit) {
  write("/proc/self/cgroup", "0::/\n");
  for (const char* text : {"", "x y", "100000", "0 100000", "100000 0", "-5 100000"}) {
    write("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(cgroup_cpus(root_), SIZE_MAX) << text;
  }
}

}  // namespace
}  // namespace crossrank::base

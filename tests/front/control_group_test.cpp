#include "txt2img/control_group.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "fixtures/scratch_folder.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

// A root with the files that the kernel would show.
class ControlGroup : public testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }

  [[nodiscard]] fs::path root() const { return scratch_.path(); }
  [[nodiscard]] GroupLimits limits() const { return group_limits(root()); }

 private:
  ScratchFolder scratch_;
};

constexpr const char* kUnifiedMount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

TEST_F(ControlGroup, LimitsNothingWhereThereAreNone) {
  EXPECT_TRUE(std::isinf(limits().cores));
  EXPECT_EQ(limits().memory, std::numeric_limits<std::uint64_t>::max());
}

TEST_F(ControlGroup, OfVersionTwoHasTheLeastOfAllItsAncestors) {
  write("proc/self/mountinfo", kUnifiedMount);
  write("proc/self/cgroup", "0::/a/b/c\n");
  write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/a/b/c/cpu.max", "400000 200000\n");
  write("sys/fs/cgroup/a/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.max", "1073741824\n");
  EXPECT_EQ(limits().cores, 1.5);
  EXPECT_EQ(limits().memory, 1073741824U);
}

TEST_F(ControlGroup, OfVersionOneIsLookedForAmongTheMountsOfItsController) {
  write("proc/self/mountinfo",
        "31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 30 0:28 / /groups/cpu,cpuacct rw,nosuid shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 30 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  write("proc/self/cgroup", "4:cpu,cpuacct:/a/b\n3:cpuset:/\n2:memory:/m\n1:name=systemd:/x:y\n0::/\n");
  write("groups/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
  write("groups/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  write("groups/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  write("groups/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(limits().cores, 2);
  EXPECT_EQ(limits().memory, 4096U);
}

// Docker with version 1: the names are the host's, the mount is the container's group.
TEST_F(ControlGroup, OfAContainerIsItsMountWhateverTheHostCallsIt) {
  write("proc/self/mountinfo", "32 30 0:28 /docker/1f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  write("proc/self/cgroup", "4:cpu:/docker/1f/inner\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().cores, 0.5);
  write("proc/self/cgroup", "4:cpu:/docker/other\n");
  EXPECT_EQ(limits().cores, 0.5);
  write("sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "25000\n");
  write("sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n");
  write("proc/self/cgroup", "4:cpu:/docker/1f/inner\n");
  EXPECT_EQ(limits().cores, 0.25);
}

TEST_F(ControlGroup, IsNotLedAstrayByWhatItCannotRead) {
  write("proc/self/mountinfo", "nonsense\n\n32 30 0:28 / /sys - cgroup2\n" + std::string(kUnifiedMount));
  write("proc/self/cgroup", "nonsense\n0:\n:\n0::/a\n");
  write("sys/fs/cgroup/a/cpu.max", "0 0\n");
  write("sys/fs/cgroup/a/memory.max", "");
  EXPECT_TRUE(std::isinf(limits().cores));
  write("sys/fs/cgroup/a/cpu.max", "100000\n");
  EXPECT_TRUE(std::isinf(limits().cores));
}

TEST(UsableCores, AreThoseThatTheTimeKeepsBusy) {
  const auto cores = [](int processors, double quota) { return usable_cores(processors, {.cores = quota}); };
  EXPECT_EQ(cores(8, std::numeric_limits<double>::infinity()), 8);
  EXPECT_EQ(cores(8, 1), 1);
  EXPECT_EQ(cores(8, 0.1), 1);
  EXPECT_EQ(cores(8, 1.4), 1);
  EXPECT_EQ(cores(8, 1.5), 2);
  EXPECT_EQ(cores(2, 1e300), 2);
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace txt2img

#include "txt2img/control_group.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img {
namespace {

namespace fs = std::filesystem;

// A file system of control groups: one of version 2, or one of a controller of version 1.
struct Hierarchy {
  std::string root{};  // the group whose folder is the mount point
  fs::path mount_point{};
  bool is_unified = false;
  std::string controllers{};  // of version 1: "rw,cpu,cpuacct"
};

bool lists(std::string_view list, std::string_view word) {
  return ("," + std::string(list) + ",").find("," + std::string(word) + ",") != std::string::npos;
}

// "36 25 0:31 /root /mount/point rw,nosuid shared:9 - cgroup cgroup rw,memory", see proc_pid_mountinfo(5).
std::optional<Hierarchy> parse_mount(const std::string& line) {
  Hierarchy found;
  std::istringstream fields(line);
  std::string id, parent, device, mount_point, skipped, type, source;
  fields >> id >> parent >> device >> found.root >> mount_point;
  while (fields >> skipped && skipped != "-") {
  }
  fields >> type >> source >> found.controllers;
  found.mount_point = mount_point;
  found.is_unified = type == "cgroup2";
  return fields && (found.is_unified || type == "cgroup") ? std::optional(found) : std::nullopt;
}

std::vector<Hierarchy> read_mounts(const fs::path& root) {
  std::vector<Hierarchy> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    if (const auto mount = parse_mount(line)) mounts.push_back(*mount);
  }
  return mounts;
}

// A process' group in one hierarchy: "0::/group", or of version 1 "4:cpu,cpuacct:/group".
struct Membership {
  std::string controllers{};  // empty: version 2
  std::string group{};
};

std::vector<Membership> read_memberships(const fs::path& root) {
  std::vector<Membership> memberships;
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);  // the group's name may have more
    if (first == std::string::npos || second == std::string::npos) continue;
    memberships.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return memberships;
}

// The group's folder below the mount point. In a container that sees the host's names of groups, but has its own group
// mounted, no folder has that name: the mount point is its own.
fs::path folder_of(const Hierarchy& mount, const std::string& group) {
  if (mount.root == "/") return group;
  return group.starts_with(mount.root + "/") ? group.substr(mount.root.size()) : "/";
}

// Calls `read` with the folder of the group and of each that it is in.
template <typename Read>
void for_each_group(const fs::path& mount_point, const fs::path& group, const Read& read) {
  for (fs::path folder = group.relative_path();; folder = folder.parent_path()) {
    read(mount_point / folder);
    if (folder.empty()) return;
  }
}

// The number that a file begins with; nothing for "max".
template <typename T>
std::optional<T> read_number(const fs::path& file) {
  T number{};
  return std::ifstream(file) >> number ? std::optional(number) : std::nullopt;
}

void limit_memory(GroupLimits& limits, const fs::path& file) {
  if (const auto bytes = read_number<std::uint64_t>(file)) limits.memory = std::min(limits.memory, *bytes);
}

// Microseconds of processors' time in each period; -1 is no quota.
void limit_cores(GroupLimits& limits, double quota, double period) {
  if (quota > 0 && period > 0) limits.cores = std::min(limits.cores, quota / period);
}

// "150000 100000" or "max 100000"
void read_unified(GroupLimits& limits, const fs::path& group) {
  limit_memory(limits, group / "memory.max");
  double quota = 0;
  double period = 0;
  if (std::ifstream(group / "cpu.max") >> quota >> period) limit_cores(limits, quota, period);
}

void read_cpu_controller(GroupLimits& limits, const fs::path& group) {
  limit_cores(limits, read_number<double>(group / "cpu.cfs_quota_us").value_or(-1),
              read_number<double>(group / "cpu.cfs_period_us").value_or(-1));
}

void read_limits(GroupLimits& limits, const Hierarchy& mount, const Membership& member, const fs::path& root) {
  const fs::path mount_point = root / mount.mount_point.relative_path();
  const fs::path group = folder_of(mount, member.group);
  const auto read = [&](const auto& take) { for_each_group(mount_point, group, take); };
  if (mount.is_unified) {
    if (member.controllers.empty()) read([&](const fs::path& folder) { read_unified(limits, folder); });
    return;
  }
  const auto is_of = [&](std::string_view controller) {
    return lists(mount.controllers, controller) && lists(member.controllers, controller);
  };
  if (is_of("memory")) read([&](const fs::path& folder) { limit_memory(limits, folder / "memory.limit_in_bytes"); });
  if (is_of("cpu")) read([&](const fs::path& folder) { read_cpu_controller(limits, folder); });
}

int processors_of_this_process() {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : 1;
}

}  // namespace

GroupLimits group_limits(const fs::path& root) {
  GroupLimits limits;
  const std::vector<Membership> memberships = read_memberships(root);
  for (const Hierarchy& mount : read_mounts(root)) {
    for (const Membership& member : memberships) read_limits(limits, mount, member, root);
  }
  return limits;
}

int usable_cores(int processors, const GroupLimits& limits) {
  const double busy = std::min(static_cast<double>(processors), std::round(limits.cores));
  return std::max(1, static_cast<int>(busy));
}

int usable_cores() { return usable_cores(processors_of_this_process(), group_limits()); }

}  // namespace txt2img

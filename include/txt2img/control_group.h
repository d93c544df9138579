// What the control groups of a container leave a process of its machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

#include "txt2img/export.h"

namespace txt2img {

struct GroupLimits {
  std::uint64_t memory = std::numeric_limits<std::uint64_t>::max();  // bytes
  double cores = std::numeric_limits<double>::infinity();            // time of processors per time, 1.5 of them
};

// The least of what the process' groups and those that they are in allow, by both versions of control groups. Looks
// below `root`, which is another one in tests, for proc/self/cgroup, proc/self/mountinfo and what these name.
TXT2IMG_API GroupLimits group_limits(const std::filesystem::path& root = "/");

// Of the processors that this process may run on (sched_setaffinity), as many as its groups' time keeps busy, at least
// one. 1.5 are two: more threads than time wait for each other, but by less than half a processor's work.
TXT2IMG_API int usable_cores();
TXT2IMG_API int usable_cores(int processors, const GroupLimits& limits);

}  // namespace txt2img

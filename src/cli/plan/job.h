// A picture of an item, and what is to be done about it.
#pragma once

#include <cstddef>

namespace txt2img::cli {

// kSkipped: nothing to do, it is there. Those after it are due, and were found to be so: kDamaged and kOther have a
// file of this program under their name, kForeign one of somebody else.
enum class JobState { kDue, kSkipped, kMissing, kDamaged, kOther, kForeign };

constexpr bool is_due(JobState state) { return state != JobState::kSkipped; }

struct Job {
  std::size_t item = 0;
  int image = 0;
  JobState state = JobState::kDue;
};

}  // namespace txt2img::cli

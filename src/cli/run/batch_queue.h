// Which pictures are drawn next, and how many of them at once.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "plan/plan.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// The pictures that are still to be drawn. Devices may ask at once.
class BatchQueue {
 public:
  BatchQueue(const Plan& plan, std::span<const Job* const> due) : plan_(&plan), due_(due.begin(), due.end()) {}

  // The first one, and others not far from it that can share its batch. Empty if nothing is left.
  std::vector<const Job*> take(std::size_t batch_max);

 private:
  [[nodiscard]] const Settings& style_of(const Job& job) const { return plan_->styles[plan_->items[job.item].style]; }

  const Plan* plan_;
  std::mutex mutex_;
  std::deque<const Job*> due_;
};

// How many pictures a device draws at once: what was asked for, until its memory runs out.
class BatchSize {
 public:
  explicit BatchSize(std::size_t max) : max_(max) {}

  [[nodiscard]] std::size_t max() const { return max_; }

  // Half of a batch that failed with that code is tried next. True if no batch will be larger from here on.
  bool halve(std::size_t failed, ExitCode code);

 private:
  std::size_t max_;
};

}  // namespace txt2img::cli

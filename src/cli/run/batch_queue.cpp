#include "run/batch_queue.h"

#include "txt2img/request.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kLookAhead = 16;  // batches

}  // namespace

std::vector<const Job*> BatchQueue::take(std::size_t batch_max) {
  const std::scoped_lock lock(mutex_);
  if (due_.empty()) return {};
  std::vector<const Job*> batch{due_.front()};
  due_.pop_front();
  std::size_t seen = 0;
  for (auto job = due_.begin(); job != due_.end() && batch.size() < batch_max && seen < kLookAhead * batch_max;
       ++seen) {
    if (can_share_batch(style_of(*batch.front()), style_of(**job))) {
      batch.push_back(*job);
      job = due_.erase(job);
    } else {
      ++job;
    }
  }
  return batch;
}

bool BatchSize::halve(std::size_t failed, ExitCode code) {
  const std::size_t half = failed / 2;
  if (code != ExitCode::kUnavailable || half >= max_) return false;
  max_ = half;
  return true;
}

}  // namespace txt2img::cli

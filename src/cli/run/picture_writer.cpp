#include "run/picture_writer.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "screen/signals.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kWaitingMax = 4;
constexpr std::chrono::milliseconds kSignalInterval{100};

// Signals go to the thread that draws.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

PictureWriter::PictureWriter(Write write, Tell tell) : write_(std::move(write)), tell_(std::move(tell)) {
  const BlockedSignals blocked;  // which the thread inherits
  thread_ = std::thread([this] { run(); });
}

PictureWriter::~PictureWriter() {
  {
    const std::scoped_lock lock(mutex_);
    is_closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PictureWriter::add(DrawnPicture picture) {
  std::unique_lock lock(mutex_);
  // A signal wakes nobody up.
  while (!changed_.wait_for(lock, kSignalInterval, [this] { return waiting_.size() < kWaitingMax; })) {
    if (stop_signal() != 0) break;
  }
  waiting_.push_back(std::move(picture));
  lock.unlock();
  changed_.notify_all();
}

void PictureWriter::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_done(); });
}

bool PictureWriter::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return is_done(); });
}

void PictureWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    if (has_failed_) {
      waiting_.clear();
      changed_.notify_all();
      continue;
    }
    DrawnPicture drawn = std::move(waiting_.front());
    waiting_.pop_front();
    is_busy_ = true;
    lock.unlock();
    changed_.notify_all();
    const WrittenPicture written = write(std::move(drawn));
    tell_(written);
    lock.lock();
    if (written.error != nullptr) has_failed_ = true;
    is_busy_ = false;
    changed_.notify_all();
  }
}

WrittenPicture PictureWriter::write(DrawnPicture drawn) const {
  const auto start = std::chrono::steady_clock::now();
  WrittenPicture written{.job = drawn.job, .failure = drawn.failure};
  try {
    if (!drawn.failure) written.path = write_(drawn);
  } catch (...) {
    written.error = std::current_exception();
  }
  written.picture = std::move(drawn.picture);
  written.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return written;
}

}  // namespace txt2img::cli

// Encodes and writes pictures while the next ones are drawn.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "options/options.h"
#include "plan/plan.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"
#include "txt2img/record.h"

namespace txt2img::cli {

struct DrawnPicture {
  const Job* job = nullptr;
  Picture picture{};
  Record record{};
  std::optional<Error> failure{};  // why it could not be drawn: it is passed on in its turn
};

struct WrittenPicture {
  const Job* job = nullptr;
  Picture picture{};
  std::optional<std::filesystem::path> path{};  // empty: standard output; nothing: there is such a file, which stays
  double seconds = 0;
  std::optional<Error> failure{};  // why it could not be drawn
  std::exception_ptr error{};      // why it could not be written
};

// One thread, in which pictures are written in their order, each with its line of the manifest. After the first that
// cannot be written no other is.
class PictureWriter {
 public:
  // Called in that thread after each picture, with no lock held. Throws nothing.
  using Tell = std::function<void(const WrittenPicture&)>;

  // The plan may change while no picture is waiting.
  PictureWriter(const Options& options, const Plan& plan, Tell tell);
  ~PictureWriter();  // after what waits is written
  PictureWriter(const PictureWriter&) = delete;
  PictureWriter& operator=(const PictureWriter&) = delete;

  // Waits while too many pictures do, unless a signal asks to stop.
  void add(DrawnPicture picture);

  // Until all are written and told; or for so long: says whether they are.
  void wait();
  bool wait_for(std::chrono::milliseconds time);

 private:
  void run();
  [[nodiscard]] WrittenPicture write(DrawnPicture drawn) const;
  [[nodiscard]] std::optional<std::filesystem::path> write_file(const DrawnPicture& drawn) const;

  [[nodiscard]] bool is_done() const { return waiting_.empty() && !is_busy_; }

  const Options* options_;
  const Plan* plan_;
  Tell tell_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<DrawnPicture> waiting_;
  bool is_busy_ = false;  // with a picture that waits no more
  bool has_failed_ = false;
  bool is_closing_ = false;
  std::thread thread_;
};

// For --resume: pictures that are there but not in the manifest, for a run was killed in between, or that have got
// another name, are listed in it, and what is not there any more is taken out. Side files of a layout that lag behind
// are written.
void complete_lists(const Options& options, const Plan& plan);

}  // namespace txt2img::cli

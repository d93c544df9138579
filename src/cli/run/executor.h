// Draws the pictures of a plan, writes them, and says what became of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "options/options.h"
#include "overview/overview.h"
#include "plan/outcome.h"
#include "plan/plan.h"
#include "run/picture_writer.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "screen/standard_output.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"

namespace txt2img::cli {

class Drawing {
 public:
  // The plan may change between two calls. The overview, if there is one, is told what became of each picture.
  Drawing(const Options& options, Console& console, const Plan& plan, Overview* overview = nullptr);

  void skip(const Job& job);

  // Loads the model, on each device.
  void open();

  // Each device takes the next pictures when it is free. Pictures that can share a batch and are not far from each
  // other are drawn together; of a batch that fails, smaller ones are tried. A picture that fails is reported and ends
  // the run, unless it is to go on; a file that cannot be written ends it in any case. Returns when all is written.
  // Throws Error, kInterrupted too.
  void draw(std::span<const Job* const> due);

  // A line of a prompt file that asks for nothing that can be drawn.
  void fail_line(const RefusedLine& line);

  // Says how it went: kSomeFailed if a picture failed.
  ExitCode end();

  // How many pictures went before the first of the plan, and how many are due in all, as far as that is known.
  void set_range(std::size_t before, std::size_t total, std::size_t due);

 private:
  using Clock = std::chrono::steady_clock;

  enum class Attempt { kFirst, kAgain };

  // A device that draws, in a thread of its own where there are several.
  struct Worker {
    std::size_t number = 0;
    std::unique_ptr<Engine> engine{};
    std::size_t batch_max = 1;  // less than asked for when memory ran out
  };

  // In the threads that draw. They neither write nor tell, so that no disk and no reader holds up a step, and what
  // fails there is never taken for the failure of the picture at hand.
  void work(Worker& worker, std::deque<const Job*>& due);
  BatchStart begin_batch(const Worker& worker, std::span<const Job* const> batch, const std::string& prompt);
  void draw_batch(Worker& worker, std::span<const Job* const> batch, Attempt attempt);
  void draw_smaller(Worker& worker, std::span<const Job* const> batch, std::span<const Job* const> left,
                    const Error& error);
  void fail(const Job& job, const Error& error);
  [[nodiscard]] Observer observer(const BatchStart& start, std::function<void(std::size_t, const Picture&)> on_picture);
  void write(const Engine& engine, const Job& job, const Settings& settings, const Picture& picture, Attempt attempt);

  // In the thread that writes: what became of each picture, in their order.
  void tell(const WrittenPicture& picture);
  void tell_written(const WrittenPicture& written);
  void tell_unwritten(const WrittenPicture& picture);
  void tell_failed(const Job& job, const Error& error);
  void keep_output_failure(std::exception_ptr error);

  // In that thread, or while it has nothing to do.
  void report(const Outcome& outcome, const Job& job);

  // With the lock held, or while there is one thread only.
  [[nodiscard]] std::vector<const Job*> take_batch(std::deque<const Job*>& due, std::size_t batch_max) const;
  [[nodiscard]] bool is_ending() const { return output_failure_ != nullptr || failure_ != nullptr; }
  void wait_for_writer();
  void throw_failure();
  [[nodiscard]] Times times() const;
  [[nodiscard]] PictureEnd end_of(const Job& job, const std::filesystem::path& path, double seconds) const;
  [[nodiscard]] std::size_t number_of(const Job& job) const;
  [[nodiscard]] std::string kept_text() const;
  [[nodiscard]] std::string summary() const;
  [[nodiscard]] Error interruption() const;

  const Options* options_;
  Console* console_;
  const Plan* plan_;
  Overview* overview_;
  StandardOutput results_;
  std::unique_ptr<Progress> progress_;
  std::vector<Worker> workers_;
  Clock::time_point start_;
  double load_seconds_ = 0;
  std::size_t before_ = 0;
  std::size_t total_ = 0;
  std::size_t due_ = 0;
  Counts counts_;
  bool is_heard_ = true;               // standard output has taken everything so far; of the thread that tells
  std::mutex mutex_;                   // of progress_, counts_, the failures and what is due, while threads draw
  std::exception_ptr failure_;         // the first of drawing that ends the run
  std::exception_ptr output_failure_;  // the first of writing or telling
  PictureWriter writer_;               // last, for it is the first to be destroyed
};

}  // namespace txt2img::cli

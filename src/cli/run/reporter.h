// Says how a run goes: progress on standard error, results on standard output, the overview, and the counts at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "options/command.h"
#include "overview/overview.h"
#include "plan/outcome.h"
#include "plan/plan.h"
#include "run/drawn_picture.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "screen/standard_output.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// Threads may speak at once.
class Reporter {
 public:
  // The plan may change between two pictures. The overview, if there is one, is told what became of each.
  Reporter(const RunOptions& options, Console& console, const Plan& plan, Overview* overview = nullptr);

  // How many pictures went before the first of the plan, and how many are due in all, as far as that is known.
  void set_range(std::size_t before, std::size_t total, std::size_t due);

  void skip(const Job& job);

  // A line of a prompt file that asks for nothing that can be drawn.
  void fail_line(const RefusedLine& line);

  // The model, on all devices, took so long; from here on pictures are drawn.
  void start_loading(const std::string& model, std::uint64_t bytes);
  void end_loading(double seconds);

  // On a device: neither waits for a reader of standard output.
  BatchStart start(std::size_t device, std::span<const Job* const> batch);
  void step(const BatchStart& batch, int done, int steps);

  // What became of each picture, in their order. What is thrown here is a failure of standard output, on which nothing
  // is written any more.
  void tell(const WrittenPicture& picture);

  // Says how it went: kSomeFailed if a picture failed.
  ExitCode end();

  // The error that a run ends with which a signal stopped.
  [[nodiscard]] Error interruption() const;

  // What there is of a run that ends early.
  void remark_kept();

 private:
  using Clock = std::chrono::steady_clock;

  void tell_outcome(const WrittenPicture& picture);
  void tell_written(const WrittenPicture& picture);
  void tell_unwritten(const WrittenPicture& picture);
  void tell_failed(const Job& job, const Error& error);
  void report(const Job& job, const Outcome& outcome);

  // With the lock held.
  [[nodiscard]] Times times() const;
  [[nodiscard]] PictureEnd end_of(const Job& job, const std::filesystem::path& path, double seconds) const;
  [[nodiscard]] std::size_t number_of(const Job& job) const;
  [[nodiscard]] std::string kept_text() const;
  [[nodiscard]] std::string summary() const;

  const RunOptions* options_;
  Console* console_;
  const Plan* plan_;
  Overview* overview_;
  StandardOutput results_;
  bool is_heard_ = true;      // standard output has taken everything so far; of the thread that tells
  mutable std::mutex mutex_;  // of what follows
  std::unique_ptr<Progress> progress_;
  Clock::time_point start_;
  double load_seconds_ = 0;
  std::size_t before_ = 0;
  std::size_t total_ = 0;
  std::size_t due_ = 0;
  Counts counts_;
};

}  // namespace txt2img::cli

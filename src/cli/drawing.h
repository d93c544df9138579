// Draws the pictures of a plan, writes them, and says what became of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "cli/overview.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/results.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"

namespace txt2img::cli {

class Drawing {
 public:
  // The plan may change between two calls. The overview, if there is one, is told what became of each picture.
  Drawing(const Options& options, Console& console, const Plan& plan, Overview* overview = nullptr);

  void skip(const Job& job);

  // Pictures that are there but in no manifest, for the run was killed in between, are listed in it.
  void complete_manifest();

  // Loads the model.
  void open();

  // Pictures of one style that follow each other are drawn together. One that fails is reported and ends the run,
  // unless it is to go on; a file that cannot be written ends it in any case. Throws Error, kInterrupted too.
  void draw(std::span<const Job* const> due);

  // A line of a prompt file that asks for nothing that can be drawn.
  void fail_line(const RefusedLine& line);

  // Says how it went: kSomeFailed if a picture failed.
  ExitCode end();

  // How many pictures went before the first of the plan, and how many are due in all, as far as that is known.
  void set_range(std::size_t before, std::size_t total, std::size_t due);

 private:
  using Clock = std::chrono::steady_clock;

  std::size_t draw_batch(std::span<const Job* const> batch);
  void keep(const Job& job, const Settings& settings, const Picture& picture);
  std::optional<std::filesystem::path> write(const Job& job, const Settings& settings, const Picture& picture);
  [[nodiscard]] bool has_manifest() const;
  void list_in_manifest(const Job& job, const std::filesystem::path& path, const Record& record, std::string sha256);
  void write_metadata(const Job& job, const std::filesystem::path& path);
  void finish(const Job& job, const std::filesystem::path& path, const Picture& picture, double write_seconds);
  void fail(const Job& job, const Error& error);
  void report(const Outcome& outcome, const Job& job);
  [[nodiscard]] Observer observer();
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
  Results results_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<Engine> engine_;
  Clock::time_point start_;
  double load_seconds_ = 0;
  std::size_t before_ = 0;
  std::size_t total_ = 0;
  std::size_t due_ = 0;
  Counts counts_;
};

}  // namespace txt2img::cli

#include "cli/run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/engine_loader.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/results.h"
#include "cli/signals.h"
#include "txt2img/output_file.h"
#include "txt2img/png.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double total(const Seconds& seconds) { return seconds.encode + seconds.sample + seconds.decode; }

// "1 picture", "3 pictures"
std::string pictures_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " picture" : " pictures"); }

// One run, from the plan to the last picture.
class Run {
 public:
  Run(const Options& options, Console& console)
      : options_(&options),
        console_(&console),
        results_(console),
        plan_(make_plan(options, console)),
        progress_(make_progress(options, console)) {}

  ExitCode draw() {
    if (prints_results()) Results::check();
    skip_jobs();
    if (due_.empty()) return ExitCode::kDone;
    open();
    const std::span<const Job* const> due(due_);
    const auto batch_size = static_cast<std::size_t>(options_->batch_size);
    for (std::size_t first = 0; first < due.size(); first += batch_size) {
      draw_batch(due.subspan(first, std::min(batch_size, due.size() - first)));
    }
    progress_->end(summary());
    return ExitCode::kDone;
  }

 private:
  [[nodiscard]] bool prints_results() const {
    return plan_.destination == Destination::kStandardOutput || options_->format == ResultFormat::kJson ||
           options_->verbosity != Verbosity::kQuiet;
  }

  void skip_jobs() {
    for (const Job& job : plan_.jobs) {
      if (job.state == JobState::kDue)
        due_.push_back(&job);
      else
        report_skip(job);
    }
  }

  void open() {
    verify_files(plan_.bundle, options_->verify_model);
    progress_->start_loading(plan_.bundle.name);
    const auto start = Clock::now();
    engine_ = open_engine(plan_.bundle, options_->engine);
    load_seconds_ = seconds_since(start);
    console_->note("model " + plan_.bundle.folder.string() + ", " + std::string(name_of(engine_->precision())) +
                   " on " + engine_->device().name + " (" + engine_->device().description + "), LibTorch " +
                   torch_version());
    start_ = Clock::now();
    defer_signals();
  }

  void draw_batch(std::span<const Job* const> batch) {
    std::vector<Settings> settings;
    for (const Job* job : batch) settings.push_back(plan_.settings_of(*job));
    progress_->start({number_of(*batch.front()), number_of(*batch.back()), plan_.jobs.size(), settings.front().prompt});
    const std::vector<Picture> pictures = draw_or_report(batch, settings);
    for (std::size_t i = 0; i < batch.size(); ++i) keep(*batch[i], settings[i], pictures[i]);
  }

  std::vector<Picture> draw_or_report(std::span<const Job* const> batch, const std::vector<Settings>& settings) {
    try {
      if (stop_signal() != 0) throw Error(ExitCode::kInterrupted, "interrupted");
      return engine_->draw(settings, observer());
    } catch (const Error& error) {
      if (error.code() == ExitCode::kInterrupted) throw interruption();
      for (const Job* job : batch) report_failure(*job, error);
      throw;
    }
  }

  [[nodiscard]] Observer observer() {
    return {.on_step = [this](int done, int steps) { progress_->step(done, steps); },
            .is_cancelled = [] { return stop_signal() != 0; },
            .on_warning = [this](const std::string& text) { console_->warning(text); }};
  }

  void keep(const Job& job, const Settings& settings, const Picture& picture) {
    const auto start = Clock::now();
    const std::optional<std::filesystem::path> path = write_or_report(job, settings, picture);
    if (path)
      finish(job, *path, picture, seconds_since(start));
    else
      report_skip(job);
  }

  // The name it got, empty for standard output, or nothing if there is such a file.
  std::optional<std::filesystem::path> write_or_report(const Job& job, const Settings& settings,
                                                       const Picture& picture) {
    const Record record = record_of(plan_.bundle, settings, *options_, *engine_, picture);
    const std::vector<std::uint8_t> png = encode_picture(picture.image, record, options_->metadata);
    if (plan_.destination == Destination::kStandardOutput) {
      Results::bytes(png);
      return std::filesystem::path();
    }
    try {
      return write_output_file(job.path, png, plan_.on_exists);
    } catch (const Error& error) {
      report_failure(job, error);
      throw;
    }
  }

  void finish(const Job& job, const std::filesystem::path& path, const Picture& picture, double write_seconds) {
    Seconds seconds = picture.seconds;
    seconds.load = ++written_ == 1 ? load_seconds_ : 0;  // of the model, and of LibTorch
    progress_->finish({number_of(job), plan_.jobs.size(), plan_.items[job.item].settings.prompt, path,
                       plan_.settings_of(job).seed, total(picture.seconds) + write_seconds});
    report({.status = Status::kDone,
            .path = path_text(path),
            .error = {},
            .stages = picture.stages,
            .seconds = seconds,
            .write_seconds = write_seconds},
           job);
  }

  void report_skip(const Job& job) {
    progress_->skip({number_of(job), plan_.jobs.size(), plan_.items[job.item].settings.prompt, job.path,
                     plan_.settings_of(job).seed, 0});
    report({.status = Status::kSkipped, .path = path_text(job.path)}, job);
  }

  void report_failure(const Job& job, const Error& error) {
    report({.status = Status::kFailed, .path = path_text(job.path), .error = error.what()}, job);
    if (written_ > 0) console_->remark(kept_text());
  }

  void report(const Outcome& outcome, const Job& job) {
    if (options_->format == ResultFormat::kJson) {
      results_.line(outcome_json(plan_, job, outcome));
      return;
    }
    const bool is_path = outcome.status == Status::kDone && plan_.destination == Destination::kFiles;
    if (is_path && options_->verbosity != Verbosity::kQuiet) results_.line(outcome.path);
  }

  [[nodiscard]] std::size_t number_of(const Job& job) const {
    return static_cast<std::size_t>(&job - plan_.jobs.data()) + 1;
  }

  static std::string path_text(const std::filesystem::path& path) { return path.empty() ? "-" : path.string(); }

  [[nodiscard]] std::string kept_text() const {
    return std::to_string(written_) + " of " + pictures_text(plan_.jobs.size()) +
           (written_ == 1 ? " was written and is kept" : " were written and are kept");
  }

  [[nodiscard]] Error interruption() const {
    return {static_cast<ExitCode>(128 + stop_signal()),
            written_ == 0 ? "interrupted before a picture was finished" : "interrupted; " + kept_text()};
  }

  [[nodiscard]] std::string summary() const {
    const std::uint64_t first = plan_.settings_of(plan_.jobs.front()).seed;
    const std::uint64_t last = plan_.settings_of(plan_.jobs.back()).seed;
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f s", seconds_since(start_));
    return pictures_text(written_) + ", " + (first == last ? "seed " : "seeds " + std::to_string(first) + " to ") +
           std::to_string(last) + ", " + seconds;
  }

  const Options* options_;
  Console* console_;
  Results results_;
  Plan plan_;
  std::unique_ptr<Progress> progress_;
  std::vector<const Job*> due_;
  std::unique_ptr<Engine> engine_;
  Clock::time_point start_;
  double load_seconds_ = 0;
  std::size_t written_ = 0;
};

}  // namespace

Record record_of(const Bundle& bundle, const Settings& settings, const Options& options, const Engine& engine,
                 const Picture& picture) {
  const std::string device = engine.device().name;
  Record record{.version = std::string(version()),
                .job_key = {},
                .model = bundle.name,
                .model_sha256 = bundle.sha256,
                .settings = settings,
                .device = device.substr(0, device.find(':')),
                .precision = engine.precision(),
                .vae_precision = options.engine.vae_precision.value_or(Precision::kFloat32),
                .stages = picture.stages};
  record.job_key = job_key(record);
  return record;
}

std::vector<std::uint8_t> encode_picture(const Image& image, const Record& record, Metadata metadata) {
  return encode_png(image, metadata == Metadata::kWrite ? record_chunks(record) : std::vector<PngText>());
}

ExitCode draw_pictures(const Options& options, Console& console) { return Run(options, console).draw(); }

ExitCode show_plan(const Options& options, Console& console) {
  const Plan plan = make_plan(options, console);
  Results results(console);
  if (options.format == ResultFormat::kText) {
    results.text(plan_text(plan));
    return ExitCode::kDone;
  }
  for (const Job& job : plan.jobs) {
    const Status status = job.state == JobState::kSkipped ? Status::kSkipped : Status::kPlanned;
    results.line(
        outcome_json(plan, job, {.status = status, .path = job.path.empty() ? "-" : job.path.string(), .error = {}}));
  }
  return ExitCode::kDone;
}

}  // namespace txt2img::cli

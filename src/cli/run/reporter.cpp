#include "run/reporter.h"

#include <cstdio>

#include "screen/signals.h"
#include "screen/terminal.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double total(const Seconds& seconds) { return seconds.encode + seconds.sample + seconds.decode; }

std::string path_text(const std::filesystem::path& path) { return path.empty() ? "-" : path.string(); }

}  // namespace

Reporter::Reporter(const RunOptions& options, Console& console, const Plan& plan, Overview* overview)
    : options_(&options),
      console_(&console),
      plan_(&plan),
      overview_(overview),
      results_(console),
      progress_(
          make_progress(choose_style(options.voice.progress, options.voice.verbosity, is_terminal(Stream::kError)),
                        options.source.has_files() ? Skipped::kCounted : Skipped::kOneByOne, console)),
      start_(Clock::now()) {}

void Reporter::set_range(std::size_t before, std::size_t total, std::size_t due) {
  const std::scoped_lock lock(mutex_);
  before_ = before;
  total_ = total;
  due_ = due;
}

void Reporter::skip(const Job& job) {
  const std::filesystem::path path = plan_->path_of(job);
  {
    const std::scoped_lock lock(mutex_);
    ++counts_.skipped;
    progress_->skip(end_of(job, path, 0));
  }
  report(job, {.status = Status::kSkipped, .path = path_text(path)});
}

void Reporter::fail_line(const RefusedLine& line) {
  {
    const std::scoped_lock lock(mutex_);
    ++counts_.failed;
  }
  console_->error(Error(ExitCode::kBadData, line.error));
  results_.line(refused_json(line));
}

void Reporter::start_loading(const std::string& model, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  progress_->start_loading(model, bytes);
}

void Reporter::end_loading(double seconds) {
  const std::scoped_lock lock(mutex_);
  load_seconds_ = seconds;
  start_ = Clock::now();
}

BatchStart Reporter::start(std::size_t device, std::span<const Job* const> batch) {
  const std::scoped_lock lock(mutex_);
  const BatchStart start{.device = device,
                         .first = number_of(*batch.front()),
                         .last = number_of(*batch.back()),
                         .total = total_,
                         .prompt = plan_->items[batch.front()->item].prompt,
                         .times = times()};
  progress_->start(start);
  return start;
}

void Reporter::step(const BatchStart& batch, int done, int steps) {
  const std::scoped_lock lock(mutex_);
  progress_->step(batch, done, steps);
}

void Reporter::tell(const WrittenPicture& picture) {
  try {
    tell_outcome(picture);
  } catch (...) {
    is_heard_ = false;
    throw;
  }
}

void Reporter::tell_outcome(const WrittenPicture& picture) {
  if (picture.failure)
    tell_failed(*picture.job, *picture.failure);
  else if (picture.error != nullptr)
    tell_unwritten(picture);
  else if (picture.path)
    tell_written(picture);
  else
    skip(*picture.job);
}

void Reporter::tell_unwritten(const WrittenPicture& picture) {
  try {
    std::rethrow_exception(picture.error);
  } catch (const std::exception& error) {
    report(*picture.job,
           {.status = Status::kFailed, .path = path_text(plan_->path_of(*picture.job)), .error = error.what()});
  }
}

void Reporter::tell_written(const WrittenPicture& picture) {
  const Job& job = *picture.job;
  const std::filesystem::path path = picture.path.value_or("");
  Seconds seconds = picture.picture.seconds;
  {
    const std::scoped_lock lock(mutex_);
    seconds.load = ++counts_.done == 1 ? load_seconds_ : 0;  // of the model, and of LibTorch
    progress_->finish(end_of(job, path, total(picture.picture.seconds) + picture.seconds));
  }
  report(job, {.status = Status::kDone,
               .path = path_text(path),
               .error = {},
               .stages = picture.picture.stages,
               .retries = picture.picture.retries,
               .seconds = seconds,
               .write_seconds = picture.seconds});
}

void Reporter::tell_failed(const Job& job, const Error& error) {
  const std::filesystem::path path = plan_->path_of(job);
  if (options_->drawing.on_failure == OnFailure::kGoOn) {
    const std::scoped_lock lock(mutex_);
    ++counts_.failed;
    progress_->fail(end_of(job, path, 0), error.what());
    console_->error(Error(error.code(), path_text(path) + ": " + error.what(), error.detail()));
  }
  report(job, {.status = Status::kFailed, .path = path_text(path), .error = error.what()});
}

void Reporter::report(const Job& job, const Outcome& outcome) {
  if (overview_ != nullptr) overview_->add(job, outcome);
  if (!is_heard_) return;
  if (options_->voice.format == ResultFormat::kJson) {
    results_.line(outcome_json(*plan_, job, outcome));
    return;
  }
  const bool is_path = outcome.status == Status::kDone && plan_->destination() == Destination::kFiles;
  if (is_path && options_->voice.verbosity != Verbosity::kQuiet) results_.line(outcome.path);
}

ExitCode Reporter::end() {
  const std::scoped_lock lock(mutex_);
  progress_->end({.counts = counts_, .seconds = seconds_since(start_), .text = summary()});
  return counts_.failed > 0 ? ExitCode::kSomeFailed : ExitCode::kDone;
}

Error Reporter::interruption() const {
  const std::scoped_lock lock(mutex_);
  return {stopped_code(),
          counts_.done == 0 ? "interrupted before a picture was finished" : "interrupted; " + kept_text()};
}

void Reporter::remark_kept() {
  const std::scoped_lock lock(mutex_);
  if (counts_.done > 0 && counts_.done < total_) console_->remark(kept_text());
}

Times Reporter::times() const {
  const double elapsed = seconds_since(start_);
  const std::size_t drawn = counts_.done + counts_.failed;
  if (drawn == 0 || drawn >= due_) return {.elapsed = elapsed};
  return {.elapsed = elapsed, .remaining = elapsed / static_cast<double>(drawn) * static_cast<double>(due_ - drawn)};
}

PictureEnd Reporter::end_of(const Job& job, const std::filesystem::path& path, double seconds) const {
  return {.number = number_of(job),
          .total = total_,
          .prompt = plan_->items[job.item].prompt,
          .path = path,
          .seed = plan_->settings_of(job).seed,
          .seconds = seconds,
          .times = times()};
}

std::size_t Reporter::number_of(const Job& job) const {
  return before_ + static_cast<std::size_t>(&job - plan_->jobs.data()) + 1;
}

std::string Reporter::kept_text() const {
  return format_text("{} of {}{}", counts_.done, pictures_text(total_),
                     counts_.done == 1 ? " was written and is kept" : " were written and are kept");
}

std::string Reporter::summary() const {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", seconds_since(start_));
  std::string text = pictures_text(counts_.done);
  if (options_->source.has_files()) {
    text += format_text(" drawn, {} skipped, {} failed", counts_.skipped, counts_.failed);
  } else {
    const std::uint64_t first = plan_->settings_of(plan_->jobs.front()).seed;
    const std::uint64_t last = plan_->settings_of(plan_->jobs.back()).seed;
    text += (first == last ? ", seed " : format_text(", seeds {} to ", first)) + std::to_string(last);
  }
  return text + ", " + seconds;
}

}  // namespace txt2img::cli

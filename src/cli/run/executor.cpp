#include "run/executor.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <utility>

#include "run/engine_loader.h"
#include "run/recorded_picture.h"
#include "screen/signals.h"
#include "screen/terminal.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kLookAhead = 16;               // batches
constexpr std::chrono::milliseconds kPatience{500};  // with the writer, before that is explained

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double total(const Seconds& seconds) { return seconds.encode + seconds.sample + seconds.decode; }

std::string path_text(const std::filesystem::path& path) { return path.empty() ? "-" : path.string(); }

bool goes_on(const Options& options) {
  const OnFailure by_default = options.has_files() ? OnFailure::kGoOn : OnFailure::kStop;
  return options.on_failure.value_or(by_default) == OnFailure::kGoOn;
}

}  // namespace

Drawing::Drawing(const Options& options, Console& console, const Plan& plan, Overview* overview)
    : options_(&options),
      console_(&console),
      plan_(&plan),
      overview_(overview),
      results_(console),
      progress_(make_progress(choose_style(options.progress, options.verbosity, is_terminal(Stream::kError)),
                              options.has_files() ? Skipped::kCounted : Skipped::kOneByOne, console)),
      start_(Clock::now()),
      writer_(options, plan, [this](const WrittenPicture& picture) { tell(picture); }) {}

void Drawing::set_range(std::size_t before, std::size_t total, std::size_t due) {
  before_ = before;
  total_ = total;
  due_ = due;
}

void Drawing::skip(const Job& job) {
  const std::filesystem::path path = plan_->path_of(job);
  {
    const std::scoped_lock lock(mutex_);
    ++counts_.skipped;
    progress_->skip(end_of(job, path, 0));
  }
  report({.status = Status::kSkipped, .path = path_text(path)}, job);
}

void Drawing::open() {
  progress_->start_loading(plan_->bundle.name, size_of(plan_->bundle));
  verify_files(plan_->bundle, options_->verify_model);
  const auto start = Clock::now();
  for (const EngineOptions& options : engines_of(options_->engine, options_->devices)) {
    workers_.push_back({.number = workers_.size(),
                        .engine = open_engine(plan_->bundle, options),
                        .batch_max = static_cast<std::size_t>(options_->batch_size)});
    const Engine& engine = *workers_.back().engine;
    console_->note("model " + plan_->bundle.folder.string() + ", " + std::string(name_of(engine.precision())) + " on " +
                   engine.device().name + " (" + engine.device().description + "), LibTorch " + torch_version());
  }
  load_seconds_ = seconds_since(start);
  start_ = Clock::now();
  defer_signals();
}

void Drawing::draw(std::span<const Job* const> due) {
  std::deque<const Job*> left(due.begin(), due.end());
  failure_ = nullptr;
  {
    std::vector<std::jthread> others;
    for (Worker& worker : std::span(workers_).subspan(1)) {
      others.emplace_back([this, &worker, &left] { work(worker, left); });
    }
    work(workers_.front(), left);
  }
  wait_for_writer();
  if (is_ending()) throw_failure();
}

void Drawing::wait_for_writer() {
  if (stop_signal() != 0 && !writer_.wait_for(kPatience)) {
    console_->remark("interrupted; writes what is drawn, a second signal gives it up");
  }
  writer_.wait();
}

void Drawing::throw_failure() {
  try {
    std::rethrow_exception(output_failure_ ? output_failure_ : failure_);
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInterrupted) throw interruption();
    if (counts_.done > 0 && counts_.done < total_) console_->remark(kept_text());
    throw;
  }
}

void Drawing::work(Worker& worker, std::deque<const Job*>& due) {
  try {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (due.empty() || is_ending()) return;
      const std::vector<const Job*> batch = take_batch(due, worker.batch_max);
      lock.unlock();
      draw_batch(worker, batch, Attempt::kFirst);
    }
  } catch (...) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

// The first one, and others that can share its batch.
std::vector<const Job*> Drawing::take_batch(std::deque<const Job*>& due, std::size_t batch_max) const {
  const auto style_of = [this](const Job* job) -> const Settings& {
    return plan_->styles[plan_->items[job->item].style];
  };
  std::vector<const Job*> batch{due.front()};
  due.pop_front();
  std::size_t seen = 0;
  for (auto job = due.begin(); job != due.end() && batch.size() < batch_max && seen < kLookAhead * batch_max; ++seen) {
    if (can_share_batch(style_of(batch.front()), style_of(*job))) {
      batch.push_back(*job);
      job = due.erase(job);
    } else {
      ++job;
    }
  }
  return batch;
}

void Drawing::draw_batch(Worker& worker, std::span<const Job* const> batch, Attempt attempt) {
  std::vector<Settings> settings;
  for (const Job* job : batch) settings.push_back(plan_->settings_of(*job));
  const BatchStart start = begin_batch(worker, batch, settings.front().prompt);
  std::vector<const Job*> left(batch.begin(), batch.end());
  try {
    if (stop_signal() != 0) throw Error(ExitCode::kInterrupted, "interrupted");
    worker.engine->draw(settings, observer(start, [&](std::size_t index, const Picture& picture) {
                          std::erase(left, batch[index]);
                          write(*worker.engine, *batch[index], settings[index], picture, attempt);
                        }));
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInterrupted) throw;
    draw_smaller(worker, batch, left, error);
  }
}

BatchStart Drawing::begin_batch(const Worker& worker, std::span<const Job* const> batch, const std::string& prompt) {
  const std::scoped_lock lock(mutex_);
  const BatchStart start{.device = worker.number,
                         .first = number_of(*batch.front()),
                         .last = number_of(*batch.back()),
                         .total = total_,
                         .prompt = prompt,
                         .times = times()};
  progress_->start(start);
  return start;
}

// What is left of a batch that failed.
void Drawing::draw_smaller(Worker& worker, std::span<const Job* const> batch, std::span<const Job* const> left,
                           const Error& error) {
  if (batch.size() == 1) {
    fail(*batch.front(), error);
    return;
  }
  const std::size_t half = batch.size() / 2;
  if (error.code() == ExitCode::kUnavailable && half < worker.batch_max) {
    console_->warning(std::to_string(batch.size()) + " pictures at once: " + error.what() + "; goes on with " +
                      std::to_string(half) + " at once");
    worker.batch_max = half;
  }
  while (!left.empty()) {
    const auto next = left.first(std::min({left.size(), half, worker.batch_max}));
    draw_batch(worker, next, Attempt::kAgain);
    left = left.subspan(next.size());
  }
}

Observer Drawing::observer(const BatchStart& start, std::function<void(std::size_t, const Picture&)> on_picture) {
  return {.on_step =
              [this, start](int done, int steps) {
                const std::scoped_lock lock(mutex_);
                progress_->step(start, done, steps);
              },
          .is_cancelled =
              [this] {
                const std::scoped_lock lock(mutex_);
                return stop_signal() != 0 || is_ending();
              },
          .on_warning = [this](const std::string& text) { console_->warning(text); },
          .on_picture = std::move(on_picture)};
}

void Drawing::write(const Engine& engine, const Job& job, const Settings& settings, const Picture& picture,
                    Attempt attempt) {
  DrawnPicture drawn{.job = &job, .picture = picture};
  if (attempt == Attempt::kAgain) drawn.picture.retries.push_back(Retry::kSmallerBatch);
  drawn.record = record_of(plan_->bundle, settings, *options_, engine, drawn.picture);
  writer_.add(std::move(drawn));
}

void Drawing::fail(const Job& job, const Error& error) {
  writer_.add({.job = &job, .failure = error});  // told of after those before it
  if (!goes_on(*options_)) throw Error(error);
}

void Drawing::tell(const WrittenPicture& picture) {
  try {
    if (picture.failure)
      tell_failed(*picture.job, *picture.failure);
    else if (picture.error != nullptr)
      tell_unwritten(picture);
    else if (picture.path)
      tell_written(picture);
    else
      skip(*picture.job);
  } catch (...) {
    is_heard_ = false;
    keep_output_failure(std::current_exception());
  }
}

void Drawing::keep_output_failure(std::exception_ptr error) {
  const std::scoped_lock lock(mutex_);
  if (output_failure_ == nullptr) output_failure_ = std::move(error);
}

void Drawing::tell_unwritten(const WrittenPicture& picture) {
  keep_output_failure(picture.error);
  try {
    std::rethrow_exception(picture.error);
  } catch (const std::exception& error) {
    report({.status = Status::kFailed, .path = path_text(plan_->path_of(*picture.job)), .error = error.what()},
           *picture.job);
  }
}

void Drawing::tell_written(const WrittenPicture& written) {
  const Job& job = *written.job;
  const std::filesystem::path path = written.path.value_or("");
  Seconds seconds = written.picture.seconds;
  {
    const std::scoped_lock lock(mutex_);
    seconds.load = ++counts_.done == 1 ? load_seconds_ : 0;  // of the model, and of LibTorch
    progress_->finish(end_of(job, path, total(written.picture.seconds) + written.seconds));
  }
  report({.status = Status::kDone,
          .path = path_text(path),
          .error = {},
          .stages = written.picture.stages,
          .retries = written.picture.retries,
          .seconds = seconds,
          .write_seconds = written.seconds},
         job);
}

void Drawing::tell_failed(const Job& job, const Error& error) {
  const std::filesystem::path path = plan_->path_of(job);
  if (goes_on(*options_)) {
    const std::scoped_lock lock(mutex_);
    ++counts_.failed;
    progress_->fail(end_of(job, path, 0), error.what());
    console_->error(Error(error.code(), path_text(path) + ": " + error.what(), error.detail()));
  }
  report({.status = Status::kFailed, .path = path_text(path), .error = error.what()}, job);
}

void Drawing::fail_line(const RefusedLine& line) {
  ++counts_.failed;
  console_->error(Error(ExitCode::kBadData, line.error));
  results_.line(refused_json(line));
}

ExitCode Drawing::end() {
  progress_->end({.counts = counts_, .seconds = seconds_since(start_), .text = summary()});
  return counts_.failed > 0 ? ExitCode::kSomeFailed : ExitCode::kDone;
}

void Drawing::report(const Outcome& outcome, const Job& job) {
  if (overview_ != nullptr) overview_->add(job, outcome);
  if (!is_heard_) return;
  if (options_->format == ResultFormat::kJson) {
    results_.line(outcome_json(*plan_, job, outcome));
    return;
  }
  const bool is_path = outcome.status == Status::kDone && plan_->destination() == Destination::kFiles;
  if (is_path && options_->verbosity != Verbosity::kQuiet) results_.line(outcome.path);
}

Times Drawing::times() const {
  const double elapsed = seconds_since(start_);
  const std::size_t drawn = counts_.done + counts_.failed;
  if (drawn == 0 || drawn >= due_) return {.elapsed = elapsed};
  return {.elapsed = elapsed, .remaining = elapsed / static_cast<double>(drawn) * static_cast<double>(due_ - drawn)};
}

PictureEnd Drawing::end_of(const Job& job, const std::filesystem::path& path, double seconds) const {
  return {.number = number_of(job),
          .total = total_,
          .prompt = plan_->items[job.item].prompt,
          .path = path,
          .seed = plan_->settings_of(job).seed,
          .seconds = seconds,
          .times = times()};
}

std::size_t Drawing::number_of(const Job& job) const {
  return before_ + static_cast<std::size_t>(&job - plan_->jobs.data()) + 1;
}

std::string Drawing::kept_text() const {
  return std::to_string(counts_.done) + " of " + pictures_text(total_) +
         (counts_.done == 1 ? " was written and is kept" : " were written and are kept");
}

Error Drawing::interruption() const {
  return {static_cast<ExitCode>(128 + stop_signal()),
          counts_.done == 0 ? "interrupted before a picture was finished" : "interrupted; " + kept_text()};
}

std::string Drawing::summary() const {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", seconds_since(start_));
  std::string text = pictures_text(counts_.done);
  if (options_->has_files()) {
    text += " drawn, " + std::to_string(counts_.skipped) + " skipped, " + std::to_string(counts_.failed) + " failed";
  } else {
    const std::uint64_t first = plan_->settings_of(plan_->jobs.front()).seed;
    const std::uint64_t last = plan_->settings_of(plan_->jobs.back()).seed;
    text += (first == last ? ", seed " : ", seeds " + std::to_string(first) + " to ") + std::to_string(last);
  }
  return text + ", " + seconds;
}

}  // namespace txt2img::cli

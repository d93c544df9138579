#include "cli/drawing.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "cli/engine_loader.h"
#include "cli/finished.h"
#include "cli/geneval.h"
#include "cli/manifest.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "txt2img/output_file.h"
#include "txt2img/record.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double total(const Seconds& seconds) { return seconds.encode + seconds.sample + seconds.decode; }

std::string path_text(const std::filesystem::path& path) { return path.empty() ? "-" : path.string(); }

bool goes_on(const Options& options) {
  const OnFailure by_default = options.file ? OnFailure::kGoOn : OnFailure::kStop;
  return options.on_failure.value_or(by_default) == OnFailure::kGoOn;
}

}  // namespace

Drawing::Drawing(const Options& options, Console& console, const Plan& plan, Overview* overview)
    : options_(&options),
      console_(&console),
      plan_(&plan),
      overview_(overview),
      results_(console),
      progress_(make_progress(options, console)),
      start_(Clock::now()) {}

void Drawing::set_range(std::size_t before, std::size_t total, std::size_t due) {
  before_ = before;
  total_ = total;
  due_ = due;
}

void Drawing::skip(const Job& job) {
  ++counts_.skipped;
  const std::filesystem::path path = plan_->path_of(job);
  progress_->skip(end_of(job, path, 0));
  report({.status = Status::kSkipped, .path = path_text(path)}, job);
}

void Drawing::open() {
  verify_files(plan_->bundle, options_->verify_model);
  progress_->start_loading(plan_->bundle.name);
  const auto start = Clock::now();
  engine_ = open_engine(plan_->bundle, options_->engine);
  load_seconds_ = seconds_since(start);
  console_->note("model " + plan_->bundle.folder.string() + ", " + std::string(name_of(engine_->precision())) + " on " +
                 engine_->device().name + " (" + engine_->device().description + "), LibTorch " + torch_version());
  start_ = Clock::now();
  defer_signals();
}

void Drawing::draw(std::span<const Job* const> due) {
  const auto style_of = [this](const Job* job) { return plan_->items[job->item].style; };
  while (!due.empty()) {
    const auto window = due.first(std::min(due.size(), static_cast<std::size_t>(options_->batch_size)));
    const auto end =
        std::ranges::find_if(window, [&](const Job* job) { return style_of(job) != style_of(due.front()); });
    due = due.subspan(draw_batch({window.begin(), end}));
  }
}

// How many of the batch were drawn: one of several, if all at once failed.
std::size_t Drawing::draw_batch(std::span<const Job* const> batch) {
  std::vector<Settings> settings;
  for (const Job* job : batch) settings.push_back(plan_->settings_of(*job));
  progress_->start({.first = number_of(*batch.front()),
                    .last = number_of(*batch.back()),
                    .total = total_,
                    .prompt = settings.front().prompt,
                    .times = times()});
  std::vector<Picture> pictures;
  try {
    if (stop_signal() != 0) throw Error(ExitCode::kInterrupted, "interrupted");
    pictures = engine_->draw(settings, observer());
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInterrupted) throw interruption();
    // One of them may be at fault.
    if (batch.size() > 1 && goes_on(*options_)) {
      for (std::size_t i = 0; i < batch.size(); ++i) draw_batch(batch.subspan(i, 1));
    } else {
      for (const Job* job : batch) fail(*job, error);
    }
    return batch.size();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) keep(*batch[i], settings[i], pictures[i]);
  return batch.size();
}

Observer Drawing::observer() {
  return {.on_step = [this](int done, int steps) { progress_->step(done, steps); },
          .is_cancelled = [] { return stop_signal() != 0; },
          .on_warning = [this](const std::string& text) { console_->warning(text); }};
}

void Drawing::keep(const Job& job, const Settings& settings, const Picture& picture) {
  const auto start = Clock::now();
  const std::optional<std::filesystem::path> path = write(job, settings, picture);
  if (path)
    finish(job, *path, picture, seconds_since(start));
  else
    skip(job);
}

// The name it got, empty for standard output, or nothing if there is such a file.
std::optional<std::filesystem::path> Drawing::write(const Job& job, const Settings& settings, const Picture& picture) {
  const Record record = record_of(plan_->bundle, settings, *options_, *engine_, picture);
  const std::vector<std::uint8_t> png = encode_picture(picture.image, record, options_->metadata);
  if (plan_->destination() == Destination::kStandardOutput) {
    Results::bytes(png);
    return std::filesystem::path();
  }
  const std::filesystem::path path = plan_->path_of(job);
  try {
    write_metadata(job, path);
    const std::optional<std::filesystem::path> written = write_output_file(path, png, plan_->on_exists);
    if (written && has_manifest()) list_in_manifest(job, *written, record, sha256_hex(std::as_bytes(std::span(png))));
    return written;
  } catch (const Error& error) {
    report({.status = Status::kFailed, .path = path_text(path), .error = error.what()}, job);
    if (counts_.done > 0) console_->remark(kept_text());
    throw;
  }
}

bool Drawing::has_manifest() const { return options_->file && plan_->destination() == Destination::kFiles; }

void Drawing::list_in_manifest(const Job& job, const std::filesystem::path& path, const Record& record,
                               std::string sha256) {
  const std::string root = plan_->root();
  append_to_manifest(manifest_path(root, options_->shard),
                     {.path = path.string().substr(root.size()),
                      .item = plan_->items[job.item].number,
                      .image = job.image,
                      .seed = record.settings.seed,
                      .run_seed = plan_->run_seed,
                      .job_key = record.job_key,
                      .sha256 = std::move(sha256),
                      .device = record.device,
                      .precision = record.precision,
                      .vae_precision = record.vae_precision},
                     options_->resumes);
}

void Drawing::complete_manifest() {
  if (!has_manifest() || !options_->resumes) return;
  const std::string root = plan_->root();
  const FinishedPictures finished(*options_, plan_->bundle, root);
  for (const Job& job : plan_->jobs) {
    if (is_due(job.state)) continue;
    const std::filesystem::path path = plan_->path_of(job);
    if (finished.manifest().find(path.string().substr(root.size())) != nullptr) continue;
    const std::optional<Record> record = read_record(path);
    if (record) list_in_manifest(job, path, *record, sha256_hex_of_file(path));
  }
}

// Before the first picture of an item: whoever finds a picture finds what it should show.
void Drawing::write_metadata(const Job& job, const std::filesystem::path& path) {
  const Item& item = plan_->items[job.item];
  const std::optional<std::filesystem::path> file = geneval_metadata_path(*options_, item, path);
  if (!file || job.image != 0) return;
  const std::string text = geneval_metadata(item);
  write_output_file(*file, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, OnExists::kOverwrite);
}

void Drawing::finish(const Job& job, const std::filesystem::path& path, const Picture& picture, double write_seconds) {
  Seconds seconds = picture.seconds;
  seconds.load = ++counts_.done == 1 ? load_seconds_ : 0;  // of the model, and of LibTorch
  progress_->finish(end_of(job, path, total(picture.seconds) + write_seconds));
  report({.status = Status::kDone,
          .path = path_text(path),
          .error = {},
          .stages = picture.stages,
          .seconds = seconds,
          .write_seconds = write_seconds},
         job);
}

void Drawing::fail(const Job& job, const Error& error) {
  const std::filesystem::path path = plan_->path_of(job);
  report({.status = Status::kFailed, .path = path_text(path), .error = error.what()}, job);
  if (!goes_on(*options_)) {
    if (counts_.done > 0) console_->remark(kept_text());
    throw Error(error);
  }
  ++counts_.failed;
  progress_->fail(end_of(job, path, 0), error.what());
  console_->error(Error(error.code(), path_text(path) + ": " + error.what(), error.detail()));
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
  if (options_->file) {
    text += " drawn, " + std::to_string(counts_.skipped) + " skipped, " + std::to_string(counts_.failed) + " failed";
  } else {
    const std::uint64_t first = plan_->settings_of(plan_->jobs.front()).seed;
    const std::uint64_t last = plan_->settings_of(plan_->jobs.back()).seed;
    text += (first == last ? ", seed " : ", seeds " + std::to_string(first) + " to ") + std::to_string(last);
  }
  return text + ", " + seconds;
}

}  // namespace txt2img::cli

#include "run/picture_writer.h"

#include <pthread.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "plan/existing_pictures.h"
#include "plan/geneval.h"
#include "plan/manifest.h"
#include "run/recorded_picture.h"
#include "screen/signals.h"
#include "screen/standard_output.h"
#include "txt2img/output_file.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

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

bool has_manifest(const Options& options, const Plan& plan) {
  return options.has_files() && plan.destination() == Destination::kFiles;
}

void list_in_manifest(const Options& options, const Plan& plan, const Job& job, const fs::path& path,
                      const Record& record, std::string sha256) {
  const std::string root = plan.root();
  append_to_manifest(manifest_path(root, options.shard),
                     {.path = path.string().substr(root.size()),
                      .item = plan.items[job.item].number,
                      .image = job.image,
                      .seed = record.settings.seed,
                      .run_seed = plan.run_seed,
                      .job_key = record.job_key,
                      .sha256 = std::move(sha256),
                      .device = record.device,
                      .precision = record.precision,
                      .vae_precision = record.vae_precision},
                     options.resumes);
}

// Before the first picture of an item: whoever finds a picture finds what it should show.
void write_metadata(const Options& options, const Plan& plan, const Job& job, const fs::path& path) {
  const Item& item = plan.items[job.item];
  const std::optional<fs::path> file = geneval_metadata_path(options, item, path);
  std::error_code ignored;
  if (!file || job.image != 0) return;
  if (fs::exists(*file, ignored) && !geneval_metadata_differs(options, item, path)) return;
  const bool may_replace = options.resumes || options.redoes || plan.on_exists == OnExists::kOverwrite;
  const std::string text = geneval_metadata(item);
  write_output_file(*file, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                    may_replace ? OnExists::kOverwrite : OnExists::kError);
}

// As what it is: another picture may have had its name.
bool is_listed(const ExistingPictures& existing, const Plan& plan, const Job& job, const fs::path& path) {
  const ManifestEntry* const entry = existing.manifest().find(path.string().substr(plan.root().size()));
  return entry != nullptr && existing.job_key_of(drawn_as(*entry), plan.settings_of(job)) == entry->job_key;
}

// Another process that draws the same, or an earlier one without records, may have been faster.
bool is_same_picture(const fs::path& path, const Record& record, const std::string& sha256) {
  try {
    if (sha256_hex_of_file(path) == sha256) return true;
    const std::optional<Record> found = read_record(path);
    return found && found->job_key == record.job_key;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

PictureWriter::PictureWriter(const Options& options, const Plan& plan, Tell tell)
    : options_(&options), plan_(&plan), tell_(std::move(tell)) {
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
    if (!drawn.failure) written.path = write_file(drawn);
  } catch (...) {
    written.error = std::current_exception();
  }
  written.picture = std::move(drawn.picture);
  written.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return written;
}

std::optional<fs::path> PictureWriter::write_file(const DrawnPicture& drawn) const {
  const std::vector<std::uint8_t> png = encode_picture(drawn.picture.image, drawn.record, options_->metadata);
  if (plan_->destination() == Destination::kStandardOutput) {
    StandardOutput::bytes(png);
    return fs::path();
  }
  const fs::path path = plan_->path_of(*drawn.job);
  write_metadata(*options_, *plan_, *drawn.job, path);
  const std::string sha256 = sha256_hex(std::as_bytes(std::span(png)));
  std::optional<fs::path> written;
  if (plan_->on_exists_of(*drawn.job) == OnExists::kError) {
    const auto is_free = write_output_file(path, png, OnExists::kSkip).has_value();
    if (!is_free && !is_same_picture(path, drawn.record, sha256)) {
      throw Error(ExitCode::kCannotCreate,
                  path.string() +
                      " exists by now, and is not this picture; move it away, choose another folder with "
                      "--output, or give --on-exists overwrite, rename or skip");
    }
    written = path;
  } else {
    written = write_output_file(path, png, plan_->on_exists_of(*drawn.job));
  }
  if (written && has_manifest(*options_, *plan_)) {
    list_in_manifest(*options_, *plan_, *drawn.job, *written, drawn.record, sha256);
  }
  return written;
}

void complete_lists(const Options& options, const Plan& plan) {
  if (!has_manifest(options, plan) || !options.resumes) return;
  const std::string root = plan.root();
  // Those of shards may be in use by others.
  if (!options.shard) tidy_manifest(manifest_path(root, options.shard));
  const ExistingPictures existing(options, plan.bundle, root);
  for (const Job& job : plan.jobs) {
    if (is_due(job.state)) continue;
    const fs::path path = plan.path_of(job);
    write_metadata(options, plan, job, path);
    if (is_listed(existing, plan, job, path)) continue;
    for (const Record& record : existing.identify(path)) {
      if (existing.job_key_of(record, plan.settings_of(job)) != record.job_key) continue;
      list_in_manifest(options, plan, job, path, record, sha256_hex_of_file(path));
      break;
    }
  }
}

}  // namespace txt2img::cli

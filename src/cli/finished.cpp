#include "cli/finished.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "txt2img/error.h"
#include "txt2img/png.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryName = ".txt2img-";

// The number of the process that made the file, 0 if it is no temporary file.
pid_t writer_of(const std::string& name) {
  if (!name.starts_with(kTemporaryName) || !name.ends_with(".tmp")) return 0;
  pid_t process = 0;
  std::from_chars(name.data() + kTemporaryName.size(), name.data() + name.size(), process);
  return process;
}

// This process has written nothing yet: in a container a new one may have the number of the old.
bool is_gone(pid_t process) { return process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH); }

bool is_young(const fs::directory_entry& file) {
  std::error_code failed;
  const auto time = file.last_write_time(failed);
  return failed || fs::file_time_type::clock::now() - time < std::chrono::minutes(1);
}

}  // namespace

FinishedPictures::FinishedPictures(const Options& options, const Bundle& bundle, std::string root)
    : options_(&options), bundle_(&bundle), root_(std::move(root)), manifest_(root_) {}

JobState FinishedPictures::look_at(const fs::path& path, const Settings& settings) const {
  try {
    const std::optional<Record> record = read_record(path);
    if (!record) return look_at_manifest(path, settings);
    if (!is_job_key(record->job_key, *record, settings)) return JobState::kOther;
    if (options_->action != Action::kVerify) return JobState::kSkipped;
    const Image image = read_png(path);
    return sha256_hex(std::as_bytes(std::span(image.rgb))) == record->stages.pixels ? JobState::kSkipped
                                                                                    : JobState::kDamaged;
  } catch (const Error& error) {
    if (error.code() == ExitCode::kMissingInput) return JobState::kMissing;
    if (error.code() == ExitCode::kBadData) return JobState::kDamaged;
    throw;
  }
}

// Without a record in the picture the manifest says what it is.
JobState FinishedPictures::look_at_manifest(const fs::path& path, const Settings& settings) const {
  const ManifestEntry* const entry = manifest_.find(path.string().substr(root_.size()));
  if (entry == nullptr) return JobState::kOther;
  if (sha256_hex_of_file(path) != entry->sha256) return JobState::kDamaged;
  Record drawn;
  drawn.device = entry->device;
  drawn.precision = entry->precision;
  drawn.vae_precision = entry->vae_precision;
  return is_job_key(entry->job_key, std::move(drawn), settings) ? JobState::kSkipped : JobState::kOther;
}

bool FinishedPictures::is_job_key(const std::string& key, Record drawn, const Settings& settings) const {
  const EngineOptions& engine = options_->engine;
  drawn.model_sha256 = bundle_->sha256;
  drawn.settings = settings;
  if (engine.device != "auto") drawn.device = engine.device.substr(0, engine.device.find(':'));
  if (engine.precision) drawn.precision = *engine.precision;
  if (!engine.precision && drawn.device == "cpu") drawn.precision = Precision::kFloat32;
  drawn.vae_precision = engine.vae_precision.value_or(Precision::kFloat32);
  return job_key(drawn) == key;
}

void remove_leftovers(const fs::path& folder, bool has_other_machines) {
  std::error_code ignored;
  for (const fs::directory_entry& file : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    const pid_t process = writer_of(file.path().filename().string());
    if (process <= 0 || !is_gone(process) || (has_other_machines && is_young(file))) continue;
    fs::remove(file.path(), ignored);
  }
}

}  // namespace txt2img::cli

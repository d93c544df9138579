#include "plan/existing_pictures.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "txt2img/error.h"
#include "txt2img/png.h"
#include "txt2img/sha256.h"
#include "txt2img/switches.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryName = ".txt2img-";
constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

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

Record drawn_as(const ManifestEntry& entry) {
  Record drawn;
  drawn.device = entry.device;
  drawn.precision = entry.precision;
  drawn.vae_precision = entry.vae_precision;
  return drawn;
}

ExistingPictures::ExistingPictures(const RunOptions& options, const Bundle& bundle, std::string root)
    : options_(&options), bundle_(&bundle), root_(std::move(root)), manifest_(root_) {}

JobState ExistingPictures::state_of(const fs::path& path, const Settings& settings) const {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status)) return fs::is_symlink(path, ignored) ? JobState::kDamaged : JobState::kMissing;
  if (!fs::is_regular_file(status)) return JobState::kMissing;  // a pipe, which is written into
  try {
    return state_of_picture(path, settings);
  } catch (const Error& error) {
    if (error.code() == ExitCode::kMissingInput) return JobState::kMissing;
    if (error.code() == ExitCode::kBadData) return state_of_damaged(path);
    throw;
  }
}

JobState ExistingPictures::state_of_picture(const fs::path& path, const Settings& settings) const {
  const std::vector<Record> known = identify(path);
  if (known.empty()) return manifest_.find(path_below_root(path)) == nullptr ? JobState::kForeign : JobState::kDamaged;
  const auto record =
      std::ranges::find_if(known, [&](const Record& drawn) { return job_key_of(drawn, settings) == drawn.job_key; });
  if (record == known.end()) return JobState::kOther;
  if (!options_->verifies() || record->stages.pixels.empty()) return JobState::kSkipped;
  const Image image = read_png(path);
  const bool is_as_drawn = sha256_hex(std::as_bytes(std::span(image.rgb))) == record->stages.pixels;
  return is_as_drawn ? JobState::kSkipped : JobState::kDamaged;
}

// Of a file that is no whole PNG, or has a record that makes no sense. What is torn was ours, as far as can be known.
JobState ExistingPictures::state_of_damaged(const fs::path& path) const {
  if (manifest_.find(path_below_root(path)) != nullptr) return JobState::kDamaged;
  std::array<char, kPngSignature.size()> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const std::string_view read(start.data(), static_cast<std::size_t>(file.gcount()));
  if (!kPngSignature.starts_with(read)) return JobState::kForeign;
  try {
    read_png_texts(path);
    return JobState::kForeign;
  } catch (const Error&) {
    return JobState::kDamaged;
  }
}

std::vector<Record> ExistingPictures::identify(const fs::path& path) const {
  std::optional<Record> record = read_record(path);
  if (record && !record->job_key.empty()) return {*std::move(record)};
  return identify_in_manifest(path);
}

// Under its name, or under the one that it had before.
std::vector<Record> ExistingPictures::identify_in_manifest(const fs::path& path) const {
  std::vector<Record> known;
  if (manifest_.is_empty()) return known;
  for (const ManifestEntry& entry : manifest_.find_content(sha256_hex_of_file(path))) {
    Record drawn = drawn_as(entry);
    drawn.job_key = entry.job_key;
    drawn.settings.seed = entry.seed;
    known.push_back(std::move(drawn));
  }
  return known;
}

std::string ExistingPictures::path_below_root(const fs::path& path) const { return path.string().substr(root_.size()); }

std::string ExistingPictures::job_key_of(Record drawn, const Settings& settings) const {
  const EngineOptions& engine = options_->drawing.engine;
  drawn.model_sha256 = bundle_->sha256;
  drawn.settings = settings;
  if (engine.device != "auto") drawn.device = engine.device.substr(0, engine.device.find(':'));
  if (engine.precision) drawn.precision = *engine.precision;
  if (!engine.precision && drawn.device == "cpu") drawn.precision = Precision::kFloat32;
  drawn.vae_precision = engine.vae_precision.value_or(Precision::kFloat32);
  drawn.levers = changed_switches(engine.switches, drawn.device);
  return job_key(drawn);
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

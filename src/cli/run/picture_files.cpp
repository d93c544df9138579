#include "run/picture_files.h"

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
#include "screen/standard_output.h"
#include "txt2img/output_file.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

bool has_manifest(const RunOptions& options, const Plan& plan) {
  return options.source.has_files() && plan.destination() == Destination::kFiles;
}

void list_in_manifest(const RunOptions& options, const Plan& plan, const Job& job, const fs::path& path,
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
void write_metadata(const RunOptions& options, const Plan& plan, const Job& job, const fs::path& path) {
  const Item& item = plan.items[job.item];
  const std::optional<fs::path> file = geneval_metadata_path(options, item, path);
  std::error_code ignored;
  if (!file || job.image != 0) return;
  if (fs::exists(*file, ignored) && !geneval_metadata_differs(options, item, path)) return;
  const bool may_replace =
      options.resumes || options.purpose == Purpose::kRedo || plan.on_exists == OnExists::kOverwrite;
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

std::optional<fs::path> PictureFiles::write(const DrawnPicture& drawn) const {
  const std::vector<std::uint8_t> png = encode_picture(drawn.picture.image, drawn.record, options_->target.metadata);
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

void complete_lists(const RunOptions& options, const Plan& plan) {
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

// Whether a picture of the plan is there already.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"
#include "plan/job.h"
#include "plan/manifest.h"
#include "txt2img/bundle.h"
#include "txt2img/record.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// What a picture without a record was drawn on, as far as a job key has it.
Record drawn_as(const ManifestEntry& entry);

class ExistingPictures {
 public:
  // `root` is where the manifests are, which tell of pictures without a record.
  ExistingPictures(const RunOptions& options, const Bundle& bundle, std::string root);

  // kSkipped: it is whole and of this job. "auto" as device or precision is what it was drawn with. kForeign: a file
  // that neither has a record nor is in a manifest, and is no torn PNG. Throws Error(kIo).
  [[nodiscard]] JobState state_of(const std::filesystem::path& path, const Settings& settings) const;

  // What a picture says of itself, or a manifest of it wherever it lies now: job key, device and precisions are set,
  // also in what a manifest says, which may know several jobs with these very bytes. Empty for a file that is no whole
  // picture of ours.
  [[nodiscard]] std::vector<Record> identify(const std::filesystem::path& path) const;

  // Of a job that is drawn as the picture was: on that device, in these precisions.
  [[nodiscard]] std::string job_key_of(Record drawn, const Settings& settings) const;

  [[nodiscard]] const Manifest& manifest() const { return manifest_; }

 private:
  [[nodiscard]] std::string path_below_root(const std::filesystem::path& path) const;
  [[nodiscard]] std::vector<Record> identify_in_manifest(const std::filesystem::path& path) const;
  [[nodiscard]] JobState state_of_picture(const std::filesystem::path& path, const Settings& settings) const;
  [[nodiscard]] JobState state_of_damaged(const std::filesystem::path& path) const;

  const RunOptions* options_;
  const Bundle* bundle_;
  std::string root_;
  Manifest manifest_;
};

// Removes what processes that are no more have left in a folder: .txt2img-<pid>-<n>.tmp. With shards there may be other
// machines, whose processes cannot be seen: what is younger than a minute stays.
void remove_leftovers(const std::filesystem::path& folder, bool has_other_machines);

}  // namespace txt2img::cli

// Whether a picture of the plan is there already.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/manifest.h"
#include "cli/options.h"
#include "cli/plan.h"
#include "txt2img/bundle.h"
#include "txt2img/record.h"
#include "txt2img/request.h"

namespace txt2img::cli {

class FinishedPictures {
 public:
  // `root` is where the manifests are, which tell of pictures without a record.
  FinishedPictures(const Options& options, const Bundle& bundle, std::string root);

  // kSkipped: it is whole and of this job. "auto" as device or precision is what it was drawn with.
  // Throws Error(kIo).
  [[nodiscard]] JobState look_at(const std::filesystem::path& path, const Settings& settings) const;

  [[nodiscard]] const Manifest& manifest() const { return manifest_; }

 private:
  [[nodiscard]] bool is_job_key(const std::string& key, Record drawn, const Settings& settings) const;
  [[nodiscard]] JobState look_at_manifest(const std::filesystem::path& path, const Settings& settings) const;

  const Options* options_;
  const Bundle* bundle_;
  std::string root_;
  Manifest manifest_;
};

// Removes what processes that are no more have left in a folder: .txt2img-<pid>-<n>.tmp. With shards there may be other
// machines, whose processes cannot be seen: what is younger than a minute stays.
void remove_leftovers(const std::filesystem::path& folder, bool has_other_machines);

}  // namespace txt2img::cli

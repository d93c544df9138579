// Where pictures go: each encoded, in its place, with its line of the manifest and what its layout has beside it.
#pragma once

#include <filesystem>
#include <optional>

#include "options/command.h"
#include "plan/plan.h"
#include "run/drawn_picture.h"

namespace txt2img::cli {

class PictureFiles {
 public:
  // The plan may change between two pictures.
  PictureFiles(const RunOptions& options, const Plan& plan) : options_(&options), plan_(&plan) {}

  // Where it is written: empty for standard output; nothing if there is such a file, which stays. Throws Error:
  // kCannotCreate, kIo.
  [[nodiscard]] std::optional<std::filesystem::path> write(const DrawnPicture& drawn) const;

 private:
  const RunOptions* options_;
  const Plan* plan_;
};

// For --resume: pictures that are there but not in the manifest, for a run was killed in between, or that have got
// another name, are listed in it, and what is not there any more is taken out. Side files of a layout that lag behind
// are written.
void complete_lists(const RunOptions& options, const Plan& plan);

}  // namespace txt2img::cli

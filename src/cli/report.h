// What is said about the pictures of a run on standard output.
#pragma once

#include <optional>
#include <string>

#include "cli/plan.h"
#include "txt2img/engine.h"

namespace txt2img::cli {

enum class Status { kPlanned, kDone, kSkipped, kFailed };

// What became of a job.
struct Outcome {
  Status status{};
  std::string path;        // as written, "-" for standard output
  std::string error = {};  // of kFailed
  Stages stages = {};      // of kDone
  Seconds seconds = {};
  double write_seconds = 0;
};

// The object of --json, without a line break.
std::string outcome_json(const Plan& plan, const Job& job, const Outcome& outcome);

// What --dry-run says without --json: the model and the settings, each prompt with its tokens, each file.
std::string plan_text(const Plan& plan);

}  // namespace txt2img::cli

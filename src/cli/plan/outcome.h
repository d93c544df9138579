// What is said about the pictures of a run on standard output.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "txt2img/engine.h"

namespace txt2img::cli {

enum class Status { kPlanned, kDone, kSkipped, kFailed };

// What became of a job.
struct Outcome {
  Status status{};
  std::string path;        // as written, "-" for standard output
  std::string error = {};  // of kFailed
  Stages stages = {};      // of kDone
  std::vector<Retry> retries = {};
  Seconds seconds = {};
  double write_seconds = 0;
};

// A line of a prompt file that is not drawn.
struct RefusedLine {
  std::size_t line = 0;
  std::string error;
  nlohmann::ordered_json passed{};  // as an item's, if it could be read so far
};

// Like outcome_json, for a line that never became a job.
std::string refused_json(const RefusedLine& line);

// The object of --json, without a line break.
std::string outcome_json(const Plan& plan, const Job& job, const Outcome& outcome);

// "1 picture", "3 pictures".
std::string pictures_text(std::size_t count);

// "64x64, 20 steps of euler, schedule karras, guidance 7.5"
std::string settings_text(const Settings& settings);

// What --dry-run says without --json: the model and the settings, each prompt with its tokens, each file.
std::string plan_text(const Plan& plan);

}  // namespace txt2img::cli

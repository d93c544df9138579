// All pictures of a run, settled and checked before anything heavy is loaded.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "cli/output_names.h"
#include "cli/prompts.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// A prompt with its settings.
struct Item {
  Settings settings;  // of its first picture
  PromptTokens tokens;
  PromptTokens negative_tokens;
};

enum class JobState { kDue, kSkipped };

// A picture of an item.
struct Job {
  std::size_t item = 0;
  int image = 0;
  std::filesystem::path path;  // empty for standard output
  JobState state = JobState::kDue;
};

struct Plan {
  Bundle bundle;
  std::vector<Item> items;
  std::vector<Job> jobs;
  Destination destination{};
  OnExists on_exists{};

  [[nodiscard]] Settings settings_of(const Job& job) const;
};

// Says on the console what is odd but not wrong: text that does not fit, another model than the record's.
// Throws Error for everything that can be known to fail.
Plan make_plan(const Options& options, Console& console);

}  // namespace txt2img::cli

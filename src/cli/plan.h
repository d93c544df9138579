// All pictures of a run, settled and checked before anything heavy is loaded.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/item.h"
#include "cli/options.h"
#include "cli/output_names.h"
#include "cli/prompts.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class JobState { kDue, kSkipped };

// A picture of an item.
struct Job {
  std::size_t item = 0;
  int image = 0;
  JobState state = JobState::kDue;
};

struct Plan {
  Bundle bundle;
  std::vector<Settings> styles{};  // without prompt and seed
  std::vector<Item> items{};
  std::vector<Job> jobs{};
  std::optional<OutputNames> names{};  // none: the pictures go nowhere
  OnExists on_exists{};
  std::unique_ptr<PromptTokenizers> tokenizers{};

  [[nodiscard]] Destination destination() const { return names ? names->destination() : Destination::kNowhere; }
  [[nodiscard]] Settings settings_of(const Job& job) const;
  [[nodiscard]] std::filesystem::path path_of(const Job& job) const;  // empty for standard output
};

// Says on the console what is odd but not wrong: text that does not fit, another model than the record's; and all that
// is wrong with a prompt file. Throws Error for everything that can be known to fail.
Plan make_plan(const Options& options, Console& console);

}  // namespace txt2img::cli

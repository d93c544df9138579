// All pictures of a run: what they show, how they are called, and which of them are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/item.h"
#include "plan/job.h"
#include "plan/output_names.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"
#include "txt2img/tokenizer.h"

namespace txt2img::cli {

struct Plan {
  Bundle bundle;
  std::vector<Settings> styles{};  // without prompt and seed
  std::vector<Item> items{};
  std::vector<std::string> files{};  // of prompts
  std::vector<Job> jobs{};
  std::optional<OutputNames> names{};   // none: the pictures go nowhere
  std::optional<OnExists> on_exists{};  // that was asked for
  std::unique_ptr<Tokenizers> tokenizers{};
  std::uint64_t run_seed = 0;                            // of items that have none of their own
  std::map<std::size_t, std::filesystem::path> moved{};  // by job, of those due: where its picture lies instead

  [[nodiscard]] std::string root() const { return names ? names->root() : std::string(); }  // of the names
  [[nodiscard]] Destination destination() const { return names ? names->destination() : Destination::kNowhere; }
  [[nodiscard]] Settings settings_of(const Job& job) const;
  [[nodiscard]] OnExists default_on_exists() const { return names ? names->default_on_exists() : OnExists::kError; }

  // What is to be done about a file that has the name of its picture. Not asked for, a file is replaced where the line
  // itself names it, or where it is known to be an earlier state of this run's.
  [[nodiscard]] OnExists on_exists_of(const Job& job) const;
  [[nodiscard]] std::filesystem::path path_of(const Job& job) const;  // empty for standard output
  [[nodiscard]] std::string place_of(const Item& item) const;         // "prompts.txt:12"
};

// Whether the job can be written, and need be: its state. Throws Error(kCannotCreate), kBadData for an `output` that is
// no name.
void settle_output(const Plan& plan, Job& job);

// Throws Error(kCannotCreate) where a file has the name of the picture, and must be neither replaced nor joined.
void check_is_free(const Plan& plan, const Job& job);

}  // namespace txt2img::cli

// A line of work: a prompt with its settings, which yields one or more pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prompts/prompt_row.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// Small, for there may be many: what items share is in their style.
struct Item {
  std::string prompt;
  std::uint64_t seed = 0;  // of its first picture
  int count = 1;
  std::size_t number = 0;           // among all items of the run, from 0
  std::size_t style = 0;            // among the styles
  std::size_t first = 0;            // number of its first picture among all of the run, from 0
  std::size_t line = 0;             // in the prompt file; 0: from the command line
  std::size_t file = 0;             // among the prompt files
  std::string id{};                 // as text, empty if it has none
  std::string output{};             // a name of its own, empty if it has none
  nlohmann::ordered_json passed{};  // what the JSON record repeats: an object, or empty
};

// Makes items of rows. Settings that many items have in common are settled once.
class ItemMaker {
 public:
  // Of rows that do not say otherwise, the request is `defaults`.
  ItemMaker(const Request& defaults, const Bundle& bundle);

  // All items without a seed of their own share one, also if it is random. Throws Error.
  Item make(PromptRow row);

  // What the last row asks for in another program's words and is not followed, a sentence each.
  [[nodiscard]] std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

  // Settings without prompt and seed.
  [[nodiscard]] const std::vector<Settings>& styles() const { return styles_; }

  // Of the items that have no seed; nothing if all have one and the run has none.
  [[nodiscard]] std::optional<std::uint64_t> shared_seed() const { return run_seed_; }

 private:
  void follow_foreign(const foreign::Request& other, std::string_view prompt, Request& request);
  std::uint64_t run_seed(int count);
  std::size_t style_of(const Request& asked);
  std::size_t settle_style(const Request& request);

  Request defaults_;  // without a seed
  const Bundle* bundle_;
  std::optional<std::uint64_t> run_seed_;
  std::vector<std::string> notes_;
  std::vector<Settings> styles_;
  std::map<std::string, std::size_t> style_by_text_;
  std::vector<std::pair<Request, std::size_t>> recent_;  // requests whose style is known
  std::size_t oldest_ = 0;                               // of the recent ones
  std::size_t items_ = 0;
  std::size_t pictures_ = 0;
};

}  // namespace txt2img::cli

#include "prompts/json_entries.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "options/prompt_keys.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

// Walks over text that is known to be JSON, so that it has to know no more than where values end.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t line() const { return line_; }

  // The next character that is no blank, which it stays in front of.
  char peek() {
    while (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) step();
    return text_[at_];
  }

  void step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }

  std::string_view take_value() {
    const std::size_t start = at_;
    const char first = peek();
    if (first == '"')
      skip_string();
    else if (first == '[' || first == '{')
      skip_nested();
    else
      while (std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) step();
    return text_.substr(start, at_ - start);
  }

 private:
  void skip_string() {
    for (step(); text_[at_] != '"'; step()) {
      if (text_[at_] == '\\') step();
    }
    step();
  }

  void skip_nested() {
    int depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
      step();
    } while (depth > 0);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

bool is_row(const json& document) {
  return std::ranges::any_of(document.items(),
                             [](const auto& entry) { return is_prompt_key(entry.key()) && entry.value().is_string(); });
}

JsonEntry take_entry(Walk& walk, bool is_object) {
  JsonEntry entry;
  if (is_object) {
    (void)walk.peek();
    entry.id = json::parse(walk.take_value()).get<std::string>();
    (void)walk.peek();
    walk.step();  // the colon
  }
  (void)walk.peek();
  entry.line = walk.line();
  entry.text = walk.take_value();
  return entry;
}

}  // namespace

std::vector<JsonEntry> split_json(std::string_view document) {
  const std::string remedy =
      "a .json file is one list or object of prompts; if it has an object on each line, give --format jsonl";
  const json parsed = parse_json(document, {.name = "wrong file", .remedy = remedy}, kJsonFileMax);
  if (!parsed.is_structured()) throw Error(ExitCode::kBadData, "the file is neither a list nor an object; " + remedy);
  Walk walk(document);
  (void)walk.peek();
  if (parsed.is_object() && is_row(parsed)) return {{.line = walk.line(), .text = std::string(walk.take_value())}};
  std::vector<JsonEntry> entries;
  entries.reserve(parsed.size());
  for (walk.step(); entries.size() < parsed.size(); walk.step()) {  // the bracket or comma in front
    entries.push_back(take_entry(walk, parsed.is_object()));
    (void)walk.peek();
  }
  return entries;
}

}  // namespace txt2img::cli

#include "foreign/invoke_dream.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "foreign/metadata_json.h"
#include "foreign/names.h"
#include "foreign/setting_names.h"
#include "foreign/shell_words.h"
#include "txt2img/error.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;

// A text, or a list of weighted parts.
std::string prompt_of(const json& prompt) {
  if (!prompt.is_array()) return words_of(prompt);
  std::string text;
  for (const json& part : prompt) {
    if (!part.is_object() || !part.contains("prompt")) continue;
    text += (text.empty() ? "" : " ") + words_of(part["prompt"]);
  }
  return text;
}

void take_image(Request& request, const json& image) {
  for (const auto& [key, value] : image.items()) {
    if (key == "prompt")
      request.prompt = prompt_of(value);
    else if (key == "type" && value == "txt2img")
      add_idle(request, key, words_of(value));
    else if (!value.is_null())
      take(request, key, words_of(value));
  }
}

void take_metadata(Request& request, const json& metadata) {
  for (const auto& [key, value] : metadata.items()) {
    if (key == "image" && value.is_object())
      take_image(request, value);
    else if (key == "app_version")
      request.program += " " + words_of(value);
    else if (key == "app_id" || key == "model")
      add_idle(request, key, words_of(value));
    else if (!value.is_null())
      take(request, key, words_of(value));
  }
}

// -s 50, -s50, --steps 50, --steps=50
struct Switch {
  std::string name;
  std::string value;
};

bool is_switch(const Word& word) {
  const std::size_t letter = word.text.find_first_not_of('-');
  return !word.is_quoted && (letter == 1 || letter == 2) &&
         std::isalpha(static_cast<unsigned char>(word.text[letter])) != 0;
}

Switch read_switch(const std::string& word) {
  const bool is_letter = word[1] != '-';
  const std::size_t end = is_letter ? 2 : std::min(word.find('='), word.size());
  return {.name = word.substr(0, end), .value = word.substr(word[end] == '=' ? end + 1 : end)};
}

void take_letter(Request& request, const Switch& found) {
  const ForeignName* const letter = find_foreign_letter(found.name[1]);
  const std::string_view option = letter == nullptr ? "" : letter->option;
  if (letter != nullptr && option.empty() && asks_for_nothing(*letter, found.value))
    add_idle(request, found.name, found.value);
  else if (option.empty())
    add_leftover(request, found.name, found.value);
  else if (option == "sampler")
    add_sampler(request, found.value, found.name);
  else if (option != "count")
    add(request, {option, meant_value(option, found.value), found.name});
}

// What the metadata say already is the same.
void take_switch(Request& request, const Switch& found) {
  const bool is_letter = found.name.size() == 2;
  const std::string_view name = std::string_view(found.name).substr(is_letter ? 1 : 2);
  const ForeignName* const letter = is_letter ? find_foreign_letter(name[0]) : nullptr;
  if (has(request, letter != nullptr ? letter->option : find_option_of(name, found.value))) return;
  if (is_letter)
    take_letter(request, found);
  else
    take(request, name, found.value);
}

// A command line of the program: "a red apple" -s 50 -S 1234.
void take_dream(Request& request, std::string_view dream) {
  std::vector<Switch> switches;
  std::string prompt;
  for (const Word& word : split_words(dream)) {
    if (is_switch(word)) {
      switches.push_back(read_switch(word.text));
      continue;
    }
    std::string& text = switches.empty() ? prompt : switches.back().value;
    text += (text.empty() ? "" : " ") + word.text;
  }
  if (request.prompt.empty()) request.prompt = prompt;
  for (const Switch& found : switches) take_switch(request, found);
}

// What stands in brackets is not wanted.
void split_negative(Request& request) {
  std::string wanted;
  std::string negative;
  std::string_view rest = request.prompt;
  for (std::size_t open = rest.find('['); open != std::string_view::npos; open = rest.find('[')) {
    const std::size_t close = rest.find(']', open);
    if (close == std::string_view::npos) break;
    wanted += rest.substr(0, open);
    negative.append(negative.empty() ? "" : " ").append(rest.substr(open + 1, close - open - 1));
    rest.remove_prefix(close + 1);
  }
  if (negative.empty()) return;
  wanted += rest;
  while (wanted.ends_with(' ')) wanted.pop_back();
  request.prompt = std::move(wanted);
  add(request, {"negative", std::move(negative), "[...]"});
}

}  // namespace

std::optional<Request> read_invoke_dream(std::string_view metadata, std::string_view dream) {
  Request request{.program = "InvokeAI", .prompt = {}};
  const std::optional<json> object = parse_metadata(metadata);
  if (object) take_metadata(request, *object);
  try {
    if (!dream.empty()) take_dream(request, dream);
  } catch (const Error&) {
    if (!object) return std::nullopt;
    add_leftover(request, "Dream", std::string(dream));
  }
  if (!object && dream.empty()) return std::nullopt;
  split_negative(request);
  return request;
}

}  // namespace txt2img::cli::foreign

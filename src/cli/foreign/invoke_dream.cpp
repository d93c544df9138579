#include "foreign/invoke_dream.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "foreign/metadata_json.h"
#include "prompts/prompt_row.h"
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

// A command line of the program: "a red apple" -s 50 -S 1234. What the metadata say already is the same.
void take_dream(Request& request, std::string_view dream) {
  const PromptRow row = parse_text_row(std::string(dream), {.file = "Dream", .extra_keys = ExtraKeys::kPass});
  if (request.prompt.empty()) request.prompt = row.prompt;
  for (const Assignment& setting : row.settings) {
    const std::string_view option = name_of(*setting.option);
    if (option == "sampler" && !has(request, option)) add_sampler(request, setting.value, setting.origin);
    if (option != "count" && !has(request, option)) add(request, {option, setting.value, setting.origin});
  }
  if (!row.passed.empty()) add_leftover(request, "Dream", row.passed);
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

// parse_json_row: a line of JSON Lines.
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/line_reader.h"
#include "cli/prompt_row.h"
#include "json.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

std::string get_text(const std::string& key, const json& value) {
  if (!value.is_string()) throw Error(ExitCode::kBadData, key + " must be a text");
  return value.get<std::string>();
}

// An id names files: a number is as good as a text.
std::string get_id(const std::string& key, const json& value) {
  if (value.is_number_integer()) return value.dump();
  if (!value.is_string()) throw Error(ExitCode::kBadData, key + " must be a text or a whole number");
  return value.get<std::string>();
}

json parse_object(const std::string& line) {
  const JsonSource source{.name = "wrong line",
                          .remedy = R"(a line must be one JSON object, as in {"prompt": "a cat"})"};
  json object = parse_json(line, source, kLineMax);
  if (!object.is_object()) throw Error(ExitCode::kBadData, "the line is JSON, but not an object; " + source.remedy);
  return object;
}

// Where the value goes. False if the key is none of ours.
bool take_own_key(PromptRow& row, const std::string& key, const json& value, json& passed) {
  if (key == "prompt") {
    row.prompt = get_text(key, value);
  } else if (key == "output") {
    row.output = get_text(key, value);
  } else if (key == "id" || key == "custom_id") {
    if (key == "id" || row.id.empty()) row.id = get_id(key, value);
    passed[key] = value;
  } else if (key == "metadata") {
    if (!value.is_object()) throw Error(ExitCode::kBadData, "metadata must be an object");
    passed[key] = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

PromptRow parse_json_row(const std::string& line, const RowSource& source) {
  const json object = parse_object(line);
  PromptRow row;
  json passed = json::object();
  for (const auto& [key, value] : object.items()) {
    if (take_own_key(row, key, value, passed)) continue;
    if (const OptionInfo* const option = find_setting(key)) {
      add_setting(row, *option, key, setting_text(*option, value));
    } else {
      refuse_extra_key(key, "key", source);
      passed["extra"][key] = value;
    }
  }
  if (!object.contains("prompt")) throw Error(ExitCode::kBadData, "the key \"prompt\" is missing");
  if (!passed.empty()) row.passed = passed.dump();
  return row;
}

}  // namespace txt2img::cli

// parse_json_row: a line of JSON Lines.
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "foreign/names.h"
#include "options/prompt_keys.h"
#include "prompts/line_reader.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/json.h"

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

// What other programs save has null for a setting that was not given.
bool is_left_open(const std::string& key, const json& value) {
  return value.is_null() && find_foreign_name(key) != nullptr;
}

json parse_object(const std::string& line) {
  const JsonSource source{.name = "wrong line",
                          .remedy = R"(a line must be one JSON object, as in {"prompt": "a cat"})"};
  json object = parse_json(line, source, kLineMax);
  if (!object.is_object()) throw Error(ExitCode::kBadData, "the line is JSON, but not an object; " + source.remedy);
  return object;
}

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// The keys that the object's own ones give, with their values.
json rename_keys(json object, ColumnMap* columns) {
  if (columns == nullptr) return object;
  json renamed = json::object();
  for (const auto& [key, value] : object.items()) {
    const std::optional<std::string> name = columns->key_of(key);
    if (name && !renamed.emplace(*name, std::move(value)).second)
      throw Error(ExitCode::kBadData, "the key " + quote(*name) + " is there twice");
  }
  return renamed;
}

// "prompt" itself if it is there; empty: there is none.
std::string find_prompt_key(const json& object) {
  if (object.contains("prompt")) return "prompt";
  std::string found;
  for (const auto& [key, value] : object.items()) {
    if (!is_prompt_key(key)) continue;
    if (!found.empty()) {
      throw Error(ExitCode::kBadData,
                  format_text("{} and {} are both named like prompts; say which one to read, with --column prompt=NAME",
                              quote(found), quote(key)));
    }
    found = key;
  }
  return found;
}

class ObjectReader {
 public:
  ObjectReader(json object, const RowSource& source)
      : object_(rename_keys(std::move(object), source.columns)), source_(&source) {}

  PromptRow read() {
    const std::string prompt = find_prompt_key(object_);
    if (prompt.empty()) throw Error(ExitCode::kBadData, "the key \"prompt\" is missing");
    for (const auto& [key, value] : object_.items()) {
      if (key == prompt)
        row_.prompt = get_text(key, value);
      else if (!take_own_key(key, value))
        take_key(key, value);
    }
    if (!passed_.empty()) row_.passed = passed_;
    return std::move(row_);
  }

 private:
  // False if the key is none of ours.
  bool take_own_key(const std::string& key, const json& value) {
    if (key == "output") {
      row_.output = get_text(key, value);
    } else if (key == "id" || key == "custom_id") {
      if (key == "id" || row_.id.empty()) row_.id = get_id(key, value);
      passed_[key] = value;
    } else if (key == "metadata") {
      if (!value.is_object()) throw Error(ExitCode::kBadData, "metadata must be an object");
      passed_[key] = value;
    } else {
      return false;
    }
    return true;
  }

  void take_key(const std::string& key, const json& value) {
    const std::string text = text_of(value);
    if (const OptionInfo* const option = find_setting(key, text)) {
      if (!is_left_open(key, value)) add_setting(row_, *option, key, setting_text(*option, value));
    } else if (is_prompt_key(key) && value.is_null()) {
      return;  // the prompt is another one
    } else if (is_prompt_key(key) && source_->extra_keys == ExtraKeys::kError) {
      throw Error(ExitCode::kBadData, quote(key) +
                                          " says the same as prompt; leave one out, or say which one to read, "
                                          "with --column prompt=NAME");
    } else if (passes_on(key, text, "key", *source_)) {
      passed_["extra"][key] = value;
    }
  }

  json object_;
  const RowSource* source_;
  PromptRow row_;
  json passed_ = json::object();
};

}  // namespace

PromptRow parse_json_row(const std::string& line, const RowSource& source) {
  return ObjectReader(parse_object(line), source).read();
}

PromptRow parse_json_entry(const std::string& text, const std::string& id, const RowSource& source) {
  json object = parse_json(text, {.name = "wrong entry", .remedy = "shorten it"}, kLineMax);
  if (object.is_string()) object = {{"prompt", std::move(object)}};
  if (!object.is_object()) throw Error(ExitCode::kBadData, "the entry is neither a text nor an object with a prompt");
  if (!id.empty() && !object.contains("id")) object["id"] = id;
  return ObjectReader(std::move(object), source).read();
}

}  // namespace txt2img::cli

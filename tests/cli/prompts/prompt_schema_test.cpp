// share/prompt-line.schema.json says what the parser says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "fixtures/json_schema.h"
#include "options/prompt_keys.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

json read_schema() { return json::parse(std::ifstream(TXT2IMG_SOURCE_DIR "/share/prompt-line.schema.json")); }

// As far as types go.
bool allows(const json& schema, const json& rule, const json& value) {
  if (rule.contains("$ref")) return allows(schema, schema["properties"]["size"], value);
  if (rule.contains("const")) return value == rule["const"];
  if (rule.contains("enum")) return value.is_string();
  if (rule.contains("anyOf")) {
    return std::ranges::any_of(rule["anyOf"], [&](const json& part) { return allows(schema, part, value); });
  }
  if (rule["type"].is_array()) {
    return std::ranges::any_of(rule["type"], [&](const json& type) { return has_type(type, value); });
  }
  return has_type(rule["type"], value);
}

bool is_read(const std::string& key, const json& value) {
  json line = {{"prompt", "a"}};
  line[key] = value;
  try {
    (void)parse_json_row(line.dump(), {.file = "x", .extra_keys = ExtraKeys::kError});
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(PromptSchema, HasTheKeysOfTheParser) {
  const json schema = read_schema();
  std::set<std::string> keys;
  for (const auto& [key, rule] : schema["properties"].items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{prompt_keys().begin(), prompt_keys().end()}));
}

TEST(PromptSchema, HasTheTypesOfTheParser) {
  const json schema = read_schema();
  const std::array<json, 7> values = {json("7"),     json(7),      json(7.5),           json(true),
                                      json(nullptr), json({7, 8}), json(json::object())};
  for (const auto& [key, rule] : schema["properties"].items()) {
    for (const json& value : values) EXPECT_EQ(is_read(key, value), allows(schema, rule, value)) << key << " " << value;
  }
}

}  // namespace
}  // namespace txt2img::cli

// share/prompt-line.schema.json says what the parser says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "fixtures/json_schema.h"
#include "options/prompt_keys.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"
#include "txt2img/settings.h"

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

// Above 0 is 1e-9 and more in the table; what only the model bounds has no greatest value.
void expect_range(const json& rule, const SettingInfo& row) {
  constexpr double kTiny = 1e-9;
  const bool is_unbounded = row.max >= std::numeric_limits<int>::max();
  EXPECT_EQ(rule.contains("minimum") ? rule["minimum"].get<double>() : rule["exclusiveMinimum"].get<double>() + kTiny,
            row.min)
      << row.name;
  EXPECT_EQ(rule.contains("maximum"), !is_unbounded) << row.name;
  if (!is_unbounded) {
    EXPECT_EQ(rule["maximum"].get<double>(), row.max) << row.name;
  }
}

TEST(PromptSchema, HasTheSettingsOfTheTableAndTheirRanges) {
  const json properties = read_schema()["properties"];
  int ranges = 0;
  for (const SettingInfo& row : settings_table()) {
    const json& rule = properties.at(std::string(row.name));
    if (rule.contains("enum")) {
      SamplerOptions options;
      for (const json& choice : rule["enum"])
        EXPECT_NO_THROW(set_option(options, *row.option, choice.get<std::string>())) << row.name;
    }
    if (rule.value("type", json()) != "integer" && rule.value("type", json()) != "number") continue;
    expect_range(rule, row);
    ++ranges;
  }
  EXPECT_GT(ranges, 15);
}

}  // namespace
}  // namespace txt2img::cli

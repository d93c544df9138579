// share/model.schema.json, by which the exporter checks what it writes, says what the reader of bundles says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "fixtures/bundle_fixture.h"
#include "fixtures/json_schema.h"
#include "txt2img/bundle.h"

namespace txt2img {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;

json read_schema() { return json::parse(std::ifstream(TXT2IMG_SOURCE_DIR "/share/model.schema.json")); }

// Every key of the format but those that replace others, with room for the largest values of each.
json roomy_document() {
  BundleFolder folder;
  json document = folder.json();
  document["tokenizers"][0]["added"] = {{"<cat>", {1}}};
  document["unet"]["inputs"] = {"latent", "timestep", "context", "time_ids"};
  document["unet"]["time_ids"] = {"crop_top"};
  document["vae"].update(
      json{{"factor", 1}, {"posterior", false}, {"latents_mean", {0, 0, 0, 0}}, {"latents_std", {1, 1, 1, 1}}});
  document["scheduler"].update(json{{"num_train_timesteps", 100000},
                                    {"beta_start", 1e-9},
                                    {"beta_end", 0.999999},
                                    {"clip_sample_range", 1},
                                    {"dynamic_thresholding_ratio", 0.9},
                                    {"sample_max_value", 2},
                                    {"sigma_data", 1},
                                    {"sigma_min", 1e-9},
                                    {"sigma_max", 99999},
                                    {"rho", 7},
                                    {"shift", 1},
                                    {"original_inference_steps", 50},
                                    {"timestep_scaling", 10}});
  document["defaults"].update(json{{"size_multiple", 1},
                                   {"sampler", "dpmpp_2m"},
                                   {"sampler_options", {{"solver_order", 2}, {"lower_order_final", true}}}});
  return document;
}

bool allows(const json& rule, const json& value) {
  if (rule.contains("enum")) return std::ranges::find(rule["enum"], value) != rule["enum"].end();
  const json types = rule["type"].is_array() ? rule["type"] : json::array({rule["type"]});
  if (std::ranges::none_of(types, [&](const json& type) { return has_type(type, value); })) return false;
  if (!value.is_number()) return true;
  const auto number = value.get<double>();
  return number >= rule.value("minimum", number) && number <= rule.value("maximum", number) &&
         number > rule.value("exclusiveMinimum", number - 1) && number < rule.value("exclusiveMaximum", number + 1);
}

// On both sides of each limit, every choice, and each other type.
std::vector<json> candidates(const json& rule) {
  std::vector<json> values{nullptr, true, "nonsense", 0.5, json::array(), json::object()};
  if (rule.contains("enum")) values.insert(values.end(), rule["enum"].begin(), rule["enum"].end());
  for (const char* limit : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
    if (!rule.contains(limit)) continue;
    if (rule["type"] == "integer") {
      const auto end = rule[limit].get<std::int64_t>();
      values.insert(values.end(), {end - 1, end, end + 1});
    } else {
      const auto end = rule[limit].get<double>();
      const double near = std::max(std::abs(end) / 1000, 1e-8);
      values.insert(values.end(), {end - near, end, end + near});
    }
  }
  return values;
}

// Numbers, choices and switches of the format with their rules, as far as a document has them.
void append_leaves(const json& schema, const json& document, const Pointer& here,
                   std::vector<std::pair<Pointer, json>>& leaves) {
  const json properties = schema.value("properties", json::object());
  for (const auto& [key, rule] : properties.items()) {
    const Pointer place = here / key;
    if (!document.contains(place)) continue;
    const json& value = document.at(place);
    if (value.is_object()) append_leaves(rule, document, place, leaves);
    if (value.is_number() || value.is_boolean() || rule.contains("enum")) leaves.emplace_back(place, rule);
    if (!value.is_array()) continue;
    if (value.front().is_object()) append_leaves(rule["items"], document, place / 0, leaves);
    if (value.front().is_number()) leaves.emplace_back(place / 0, rule["items"]);
  }
}

bool is_read(BundleFolder& folder, const json& document) {
  folder.json() = document;
  folder.write_json();
  try {
    (void)read_bundle(folder.path());
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(BundleSchema, AllowsNothingThatTheReaderRefuses) {
  // Where a value that is fine by itself may not go with the rest of this document.
  const std::set<std::string> bound{"/tokenizers/0/type",
                                    "/tokenizers/0/bos",
                                    "/unet/in_channels",
                                    "/unet/out_channels",
                                    "/vae/factor",
                                    "/vae/latent_channels",
                                    "/scheduler/num_train_timesteps",
                                    "/scheduler/prediction_type",
                                    "/scheduler/beta_start",
                                    "/scheduler/beta_end",
                                    "/scheduler/sigma_min",
                                    "/scheduler/sigma_max",
                                    "/defaults/size_multiple",
                                    "/defaults/sampler",
                                    "/defaults/sampler_options/solver_order"};
  const json document = roomy_document();
  BundleFolder folder;
  ASSERT_TRUE(is_read(folder, document));
  std::vector<std::pair<Pointer, json>> leaves;
  append_leaves(read_schema(), document, Pointer(), leaves);
  EXPECT_GT(leaves.size(), 50U);
  for (const auto& [place, rule] : leaves) {
    for (const json& value : candidates(rule)) {
      json changed = document;
      changed[place] = value;
      const bool is_allowed = allows(rule, value);
      const bool may_differ = is_allowed && bound.contains(place.to_string());
      if (may_differ) continue;
      EXPECT_EQ(is_read(folder, changed), is_allowed) << place.to_string() << " " << value;
    }
  }
}

TEST(BundleSchema, HasEveryKeyThatTheReaderKnows) {
  const json schema = read_schema();
  std::set<std::string> names;
  for (const auto& [name, rule] :
       schema["properties"]["defaults"]["properties"]["sampler_options"]["properties"].items())
    names.insert(name);
  for (const SamplerOptionInfo& row : sampler_options()) {
    EXPECT_EQ(names.contains(std::string(row.name)), !samplers_with(row.name).empty()) << row.name;
  }
  std::vector<std::string> samplers_there;
  for (const SamplerInfo& sampler : samplers()) samplers_there.emplace_back(sampler.name);
  EXPECT_EQ(schema["properties"]["defaults"]["properties"]["sampler"]["enum"], json(samplers_there));
  std::vector<std::string> schedules_there;
  for (const ScheduleInfo& schedule : schedules()) schedules_there.emplace_back(schedule.name);
  EXPECT_EQ(schema["properties"]["defaults"]["properties"]["schedule"]["enum"], json(schedules_there));
}

TEST(BundleSchema, RequiresWhatTheReaderRequires) {
  const std::set<std::string> instead{"beta_schedule", "beta_start", "beta_end",  // of trained_betas
                                      "vocab",         "merges",     "time_ids", "latents_mean", "latents_std"};
  const json schema = read_schema();
  const json document = roomy_document();
  BundleFolder folder;
  for (const char* section : {"text_encoder", "unet", "vae", "scheduler", "defaults"}) {
    const json& required = schema["properties"][section]["required"];
    for (const auto& [key, rule] : schema["properties"][section]["properties"].items()) {
      if (!document[section].contains(key) || instead.contains(key)) continue;
      json changed = document;
      changed[section].erase(key);
      const bool is_required = std::ranges::find(required, json(key)) != required.end();
      EXPECT_EQ(is_read(folder, changed), !is_required) << section << "." << key;
    }
  }
}

}  // namespace
}  // namespace txt2img

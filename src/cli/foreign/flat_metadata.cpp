#include "foreign/flat_metadata.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "foreign/metadata_json.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;
using std::string_view;

// What a key of the program is called in foreign_names.h where it is something else there; empty: it makes no
// difference to the picture, or says again what another key says.
struct Alias {
  string_view key;
  string_view name;
};

struct Format {
  string_view program;
  string_view version;  // the key that tells it
  string_view telling;  // a key that no other program has
  std::span<const Alias> aliases;
};

constexpr auto kFooocus = std::to_array<Alias>({{"version", ""},
                                                {"metadata_scheme", ""},
                                                {"full_prompt", ""},
                                                {"full_negative_prompt", ""},
                                                {"base_model_hash", ""},
                                                {"refiner_switch", ""},
                                                {"refiner_swap_method", ""},
                                                {"created_by", ""}});
constexpr auto kInvoke = std::to_array<Alias>({{"app_version", ""}, {"scheduler", "sampler"}, {"rand_device", "rng"}});
constexpr auto kNovelAi = std::to_array<Alias>({{"noise_schedule", "schedule"},
                                                {"request_type", ""},
                                                {"signed_hash", ""},
                                                {"version", ""},
                                                {"uncond_scale", ""},
                                                {"hide_debug_overlay", ""}});
constexpr auto kSwarm = std::to_array<Alias>({{"swarm_version", ""}, {"aspectratio", ""}, {"date", ""}});
constexpr auto kDrawThings = std::to_array<Alias>({{"c", "prompt"}, {"v2", ""}});

// In the order of the enum. Draw Things has NovelAI's "uc" too.
constexpr std::array<Format, 5> kFormats = {{{"Fooocus", "version", "metadata_scheme", kFooocus},
                                             {"InvokeAI", "app_version", "positive_prompt", kInvoke},
                                             {"Draw Things", "", "c", kDrawThings},
                                             {"NovelAI", "", "uc", kNovelAi},
                                             {"SwarmUI", "swarm_version", "swarm_version", kSwarm}}};

string_view name_of(const Format& format, string_view key) {
  const auto alias = std::ranges::find(format.aliases, key, &Alias::key);
  return alias == format.aliases.end() ? key : alias->name;
}

// "Fooocus v2.5.5" and "5.4.2"
std::string program_of(const json& settings, const Format& format) {
  const auto found = settings.find(format.version);
  std::string version = found == settings.end() ? "" : words_of(*found);
  if (version.starts_with(format.program)) return version;
  return std::string(format.program) + (version.empty() ? "" : " " + version);
}

// Fooocus draws SDXL models, whose own layer is called 2 there.
bool is_own_layer(FlatProgram program, string_view key, const json& value) {
  return program == FlatProgram::kFooocus && key == "clip_skip" && value == 2;
}

// InvokeAI counts the layers that are left out.
std::string text_of(FlatProgram program, string_view key, const json& value) {
  if (program == FlatProgram::kInvoke && key == "clip_skip" && value.is_number_unsigned() && value < 100)
    return std::to_string(value.get<int>() + 1);
  return words_of(value);
}

bool says_nothing(const json& value) { return value.is_null() || (value.is_structured() && value.empty()); }

// What the programs write where nothing was chosen.
bool is_default(string_view key, const json& value) {
  constexpr auto kDefaults = std::to_array<Alias>({{"generation_mode", "txt2img"},
                                                   {"generation_mode", "sdxl_txt2img"},
                                                   {"vae", "Default (model)"},
                                                   {"adm_guidance", "(1.5, 0.8, 0.3)"},
                                                   {"styles", "[]"},
                                                   {"strength", "1"}});
  const std::string words = words_of(value);
  return std::ranges::any_of(kDefaults, [&](const Alias& row) { return row.key == key && row.name == words; });
}

void take_list(Request& request, string_view key, const json& list) {
  for (const json& part : list) add_leftover(request, key, words_of(part));
}

void take_value(Request& request, FlatProgram program, string_view key, const json& value) {
  const string_view name = name_of(kFormats[static_cast<std::size_t>(program)], key);
  if (name.empty() || is_default(key, value) || is_own_layer(program, key, value))
    add_idle(request, key, words_of(value));
  else if (value.is_array() && name != "size" && name != "resolution")
    take_list(request, key, value);
  else
    take(request, name, text_of(program, key, value));
}

}  // namespace

Request read_flat(const json& settings, FlatProgram program) {
  Request request{.program = program_of(settings, kFormats[static_cast<std::size_t>(program)]), .prompt = {}};
  for (const auto& [key, value] : settings.items()) {
    if (!says_nothing(value)) take_value(request, program, key, value);
  }
  return request;
}

std::optional<FlatProgram> guess_program(const json& settings) {
  const auto has_key = [&settings](const Format& format) { return settings.contains(format.telling); };
  const auto* const found = std::ranges::find_if(kFormats, has_key);
  if (found != kFormats.end()) return static_cast<FlatProgram>(found - kFormats.begin());
  const bool is_fooocus = settings.contains("base_model") && settings.contains("prompt");
  return is_fooocus ? std::optional(FlatProgram::kFooocus) : std::nullopt;
}

}  // namespace txt2img::cli::foreign

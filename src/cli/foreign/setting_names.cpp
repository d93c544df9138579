#include "foreign/setting_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "foreign/names.h"
#include "txt2img/settings.h"

namespace txt2img::cli::foreign {
namespace {

// Of a run, not of a picture: it draws nothing else on another device.
constexpr auto kOfRun = std::to_array<std::string_view>({"prompt", "model", "count", "device", "devices", "dtype",
                                                         "vae-dtype", "vae-tiling", "low-memory", "threads",
                                                         "deterministic", "output", "file", "format", "version"});

constexpr auto kAliases = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"negative-prompt", "negative"}, {"cfg-scale", "guidance"}});

using Names = std::map<std::string, std::string, std::less<>>;  // of options, by their folded spellings

// The prompt is a text of its own.
Names names_of_settings() {
  Names names{{"size", "size"}};
  for (const SettingInfo& row : settings_table()) {
    std::string name(row.name);
    std::ranges::replace(name, '_', '-');
    if (name != "prompt") names.emplace(fold(name), name);
  }
  return names;
}

Names names_of_options() {
  Names names = names_of_settings();
  for (const std::string_view name : kOfRun) names.emplace(fold(name), name);
  for (const auto& [alias, name] : kAliases) names.emplace(fold(alias), name);
  return names;
}

}  // namespace

std::string_view find_option_of(std::string_view key, std::string_view value) {
  static const Names names = names_of_options();
  if (const ForeignName* const foreign = find_foreign_name(key)) return option_of(*foreign, value);
  const auto found = names.find(fold(key));
  return found == names.end() ? std::string_view() : std::string_view(found->second);
}

bool is_of_picture(std::string_view option) {
  static const Names names = names_of_settings();
  return names.contains(fold(option));
}

}  // namespace txt2img::cli::foreign

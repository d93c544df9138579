#include "foreign/setting_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "foreign/names.h"
#include "txt2img/sampler_options.h"

namespace txt2img::cli::foreign {
namespace {

// Besides the options of samplers, which have a table.
constexpr auto kOfPicture = std::to_array<std::string_view>(
    {"negative", "seed", "size", "width", "height", "steps", "guidance", "guidance-rescale", "sampler", "schedule",
     "sigmas", "timesteps", "clip-skip", "original-size", "crop", "target-size"});

// Of a run, not of a picture: it draws nothing else on another device.
constexpr auto kOfRun = std::to_array<std::string_view>({"prompt", "model", "count", "device", "devices", "dtype",
                                                         "vae-dtype", "vae-tiling", "low-memory", "threads",
                                                         "deterministic", "output", "file", "format", "version"});

constexpr auto kAliases = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"negative-prompt", "negative"}, {"cfg-scale", "guidance"}});

using Names = std::map<std::string, std::string, std::less<>>;  // of options, by their folded spellings

Names names_of_sampler_options() {
  Names names;
  for (const SamplerOptionInfo& row : sampler_options()) {
    std::string name(row.name);
    std::ranges::replace(name, '_', '-');
    names.emplace(fold(name), name);
  }
  return names;
}

Names names_of_options() {
  Names names = names_of_sampler_options();
  for (const std::string_view name : kOfPicture) names.emplace(fold(name), name);
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
  static const Names of_samplers = names_of_sampler_options();
  return std::ranges::find(kOfPicture, option) != kOfPicture.end() || of_samplers.contains(fold(option));
}

}  // namespace txt2img::cli::foreign

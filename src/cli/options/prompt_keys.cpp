#include "options/prompt_keys.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "options/meant_option.h"

namespace txt2img::cli {
namespace {

constexpr std::array<std::string_view, 5> kOwnKeys = {"prompt", "id", "custom_id", "metadata", "output"};

// What differs from picture to picture.
bool is_setting(const OptionInfo& option) {
  const bool is_of_picture =
      option.group == Group::kPicture || option.group == Group::kSampling || option.group == Group::kSampler;
  return is_of_picture && option.scope == Scope::kEverywhere;
}

std::map<std::string, const OptionInfo*, std::less<>> map_settings() {
  std::map<std::string, const OptionInfo*, std::less<>> settings;
  for (const OptionInfo& option : option_table()) {
    if (!is_setting(option)) continue;
    for (const std::string_view flag : flags_of(option)) {
      if (flag.starts_with("--")) settings[with_underscores(flag.substr(2))] = &option;
    }
  }
  return settings;
}

std::vector<std::string> list_keys() {
  std::vector<std::string> keys(kOwnKeys.begin(), kOwnKeys.end());
  for (const OptionInfo& option : option_table()) {
    if (is_setting(option)) keys.push_back(with_underscores(name_of(option)));
  }
  return keys;
}

}  // namespace

std::string with_underscores(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '-', '_');
  return text;
}

const OptionInfo* find_setting(std::string_view key, std::string_view value) {
  static const auto settings = map_settings();
  const auto found = settings.find(with_underscores(key));
  if (found != settings.end()) return found->second;
  const OptionInfo* const meant = find_option(meant_option(key, value));
  return meant != nullptr && is_setting(*meant) ? meant : nullptr;
}

bool is_own_key(std::string_view key) { return std::ranges::find(kOwnKeys, key) != kOwnKeys.end(); }

bool is_prompt_key(std::string_view key) { return meant_option(key) == "prompt"; }

const std::vector<std::string_view>& prompt_keys() {
  static const std::vector<std::string> keys = list_keys();
  static const std::vector<std::string_view> views(keys.begin(), keys.end());
  return views;
}

}  // namespace txt2img::cli

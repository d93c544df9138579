#include "options/option_table.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "options/ask_setting.h"
#include "options/prompt_keys.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

std::map<std::string_view, const OptionInfo*> map_flags() {
  std::map<std::string_view, const OptionInfo*> options;
  for (const OptionInfo& option : option_table()) {
    for (const std::string_view flag : flags_of(option)) options.try_emplace(flag, &option);
  }
  return options;
}

std::vector<const SettingInfo*> list_settings() {
  std::vector<const SettingInfo*> settings;
  for (const OptionInfo& option : option_table()) {
    settings.push_back(nullptr);
    if (option.set != nullptr || option.ask != nullptr) continue;
    settings.back() = setting_named(with_underscores(name_of(option)));
  }
  return settings;
}

// The setting that an option is, null for any other.
const SettingInfo* setting_of(const OptionInfo& option) {
  static const std::vector<const SettingInfo*> settings = list_settings();
  return settings[static_cast<std::size_t>(&option - option_table().data())];
}

void ask(const Assignment& assignment, Request& request) {
  const OptionInfo& option = *assignment.option;
  if (option.ask != nullptr)
    option.ask(request, assignment.value);
  else if (const SettingInfo* const row = setting_of(option))
    ask_setting(request, *row, assignment.value);
}

// Errors of the work begin with the origin of the value.
template <class Work>
void naming_origin(const Assignment& assignment, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    throw Error(assignment.code, assignment.origin + ": " + error.what());
  }
}

}  // namespace

std::string_view title(Group group) {
  switch (group) {
    case Group::kPicture: return "What to draw";
    case Group::kModel: return "With which model";
    case Group::kSampling: return "How to draw it (defaults: the model's)";
    case Group::kSampler: return "Parameters of some samplers, schedules and models";
    case Group::kMachine: return "On which machine";
    case Group::kOutput: return "Where it goes, and what is said";
    case Group::kOther: return "Other things to do";
  }
  return {};
}

std::vector<std::string_view> flags_of(const OptionInfo& option) {
  std::vector<std::string_view> flags;
  std::string_view rest = option.flags;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    flags.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return flags;
}

std::string_view name_of(const OptionInfo& option) {
  for (const std::string_view flag : flags_of(option)) {
    if (flag.starts_with("--")) return flag.substr(2);
  }
  return {};
}

const OptionInfo* find_option(std::string_view name) {
  static const std::map<std::string_view, const OptionInfo*> options = map_flags();  // asked for each prompt
  std::string flag = "--" + std::string(name);
  std::ranges::replace(flag, '_', '-');
  const auto found = options.find(flag);
  return found == options.end() ? nullptr : found->second;
}

ValueKind kind_of(const OptionInfo& option) {
  const SettingInfo* const row = setting_of(option);
  return row == nullptr ? option.own_kind : kind_of(*row);
}

void apply(const Assignment& assignment, Request& request) {
  naming_origin(assignment, [&] { ask(assignment, request); });
}

void apply(const Assignment& assignment, Options& options) {
  naming_origin(assignment, [&] {
    if (assignment.option->set != nullptr)
      assignment.option->set(options, assignment.value);
    else
      ask(assignment, options.request);
  });
}

std::vector<Assignment> samplers_first(std::vector<Assignment> assignments) {
  const OptionInfo* const sampler = find_option("sampler");
  std::ranges::stable_partition(assignments, [&](const Assignment& one) { return one.option == sampler; });
  return assignments;
}

void apply_all(std::vector<Assignment> assignments, Options& options) {
  for (const Assignment& assignment : samplers_first(std::move(assignments))) apply(assignment, options);
}

void apply_all(std::vector<Assignment> assignments, Request& request) {
  for (const Assignment& assignment : samplers_first(std::move(assignments))) apply(assignment, request);
}

}  // namespace txt2img::cli

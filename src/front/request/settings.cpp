#include "txt2img/settings.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <map>

#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/limits.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

using enum Recording;
using enum Sharing;

template <auto Field, auto Default>
void from_bundle(Settings& settings, const Bundle& bundle) {
  settings.*Field = bundle.defaults.*Default;
}

void check_guidance_interval(const Settings& settings, const Bundle& bundle) {
  const std::vector<double>& interval = settings.guidance_interval;
  if (interval == default_settings().guidance_interval) return;
  const bool is_interval = interval.size() == 2 && 0 <= interval[0] && interval[0] < interval[1] && interval[1] <= 1;
  const std::string text = "guidance_interval " + joined(interval, ",", to_shortest_text);
  if (!is_interval) throw Error(ExitCode::kUsage, text + " is no interval; give BEGIN,END with 0 <= BEGIN < END <= 1");
  if (bundle.unet.takes(UnetInput::kGuidance)) {
    throw Error(ExitCode::kUsage,
                "guidance_interval has no meaning for this model, whose UNet takes the guidance itself; leave it out");
  }
  for (int step = 0; step < settings.steps; ++step) {
    if (settings.is_guided_at(step, settings.steps)) return;
  }
  throw Error(ExitCode::kUsage,
              format_text("{} holds none of {} steps; for no guidance give guidance 1", text, settings.steps));
}

constexpr double kIntMax = std::numeric_limits<int>::max();
constexpr double kLevelMax = 1e5;  // timesteps, and sigma/alpha

// All but the options of samplers, which follow clip_skip.
const std::array kOwn{
    SettingInfo{"prompt", &Settings::prompt, 0, 0, kAlways, kPicture},
    SettingInfo{"negative", &Settings::negative, 0, 0, kAlways, kPicture,
                from_bundle<&Settings::negative, &Defaults::negative>},
    SettingInfo{"seed", &Settings::seed, 0, 0, kAlways, kPicture},
    SettingInfo{"steps", &Settings::steps, 1, kStepsMax, kAlways, kBatch,
                from_bundle<&Settings::steps, &Defaults::steps>},
    SettingInfo{"guidance", &Settings::guidance, 0, kGuidanceMax, kAlways, kBatch,
                from_bundle<&Settings::guidance, &Defaults::guidance>},
    SettingInfo{"guidance_rescale", &Settings::guidance_rescale, 0, 1, kAlways},
    SettingInfo{"guidance_interval", &Settings::guidance_interval, 0, 1, kUnlessDefault, kBatch, nullptr,
                check_guidance_interval},
    SettingInfo{"width", &Settings::width, 1, kSizeMax, kAlways, kBatch,
                from_bundle<&Settings::width, &Defaults::width>},
    SettingInfo{"height", &Settings::height, 1, kSizeMax, kAlways, kBatch,
                from_bundle<&Settings::height, &Defaults::height>},
    SettingInfo{"sampler", &Settings::sampler, 0, 0, kAlways, kBatch,
                from_bundle<&Settings::sampler, &Defaults::sampler>},
    SettingInfo{"schedule", &Settings::schedule, 0, 0, kAlways, kBatch,
                from_bundle<&Settings::schedule, &Defaults::schedule>},
    SettingInfo{"clip_skip", &Settings::clip_skip, 1, kIntMax, kAlways},
    SettingInfo{"sigmas", &SamplerOptions::sigmas, 0, kLevelMax},
    SettingInfo{"timesteps", &SamplerOptions::timesteps, 0, kLevelMax},
    SettingInfo{"original_size", &SizeConditioning::original_size, 0, kSizeMax},
    SettingInfo{"crop", &SizeConditioning::crop, 0, kSizeMax},
    SettingInfo{"target_size", &SizeConditioning::target_size, 0, kSizeMax},
};

SettingInfo row_of(const SamplerOptionInfo& option) {
  const auto member = std::visit([](auto field) { return SettingMember(field); }, option.member);
  return {.name = option.name, .member = member, .min = option.min, .max = option.max, .option = &option};
}

// Records have eta before clip_skip, and always.
std::vector<SettingInfo> make_table() {
  std::vector<SettingInfo> table;
  for (const SettingInfo& row : kOwn) {
    table.push_back(row);
    if (row.name == "schedule") {
      table.push_back(row_of(sampler_options().front()));
      table.back().recording = kAlways;
    }
    if (row.name != "clip_skip") continue;
    for (const SamplerOptionInfo& option : sampler_options().subspan(1)) table.push_back(row_of(option));
  }
  assert(table.size() <= kSettingsMax);
  return table;
}

std::map<std::string_view, const SettingInfo*> map_names() {
  std::map<std::string_view, const SettingInfo*> rows;
  for (const SettingInfo& row : settings_table()) rows.emplace(row.name, &row);
  return rows;
}

bool has_same(const Settings& first, const Settings& second, const SettingInfo& row) {
  return std::visit([&](auto member) { return at(first, member) == at(second, member); }, row.member);
}

std::string pair_text(const PixelPair& pair, char between) {
  return std::to_string(pair.first) + between + std::to_string(pair.second);
}

std::string to_text(const std::string& value) { return value; }
std::string to_text(std::uint64_t value) { return std::to_string(value); }
std::string to_text(int value) { return std::to_string(value); }
std::string to_text(double value) { return to_shortest_text(value); }
std::string to_text(SamplerKind value) { return std::string(info(value).name); }
std::string to_text(ScheduleKind value) { return std::string(info(value).name); }
std::string to_text(const std::vector<double>& values) { return joined(values, ",", to_shortest_text); }

}  // namespace

bool Settings::is_guided_at(int step, int step_count) const {
  const double share = static_cast<double>(step) / step_count;
  return guidance_interval.front() <= share && share < guidance_interval.back();
}

std::span<const SettingInfo> settings_table() {
  static const std::vector<SettingInfo> table = make_table();
  return table;
}

const SettingInfo* setting_named(std::string_view name) {
  static const auto rows = map_names();
  const auto found = rows.find(name);
  return found == rows.end() ? nullptr : found->second;
}

std::size_t number_of(const SettingMember& member) {
  const std::span<const SettingInfo> table = settings_table();
  // Types first: to compare two variants costs a call.
  const auto is_it = [&](const SettingInfo& row) {
    return row.member.index() == member.index() && row.member == member;
  };
  const auto row = std::ranges::find_if(table, is_it);
  assert(row != table.end());
  return static_cast<std::size_t>(row - table.begin());
}

const Settings& default_settings() {
  static const Settings defaults;
  return defaults;
}

bool is_default(const Settings& settings, const SettingInfo& row) {
  return has_same(settings, default_settings(), row);
}

std::string setting_text(const Settings& settings, const SettingInfo& row) {
  if (row.option != nullptr) return value_text(settings.sampler_options, *row.option);
  return std::visit(
      [&]<class Part, class Value>(Value Part::* member) -> std::string {
        if constexpr (std::is_same_v<Value, PixelPair>)
          return pair_text(at(settings, member), member == &SizeConditioning::crop ? ',' : 'x');
        else if constexpr (requires { to_text(at(settings, member)); })
          return to_text(at(settings, member));
        else
          return {};  // an option, see above
      },
      row.member);
}

bool can_share_batch(const Settings& first, const Settings& second) {
  return std::ranges::all_of(settings_table(), [&](const SettingInfo& row) {
    return row.sharing == kPicture || has_same(first, second, row);
  });
}

}  // namespace txt2img

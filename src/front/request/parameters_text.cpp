// parameters_text: the infotext of AUTOMATIC1111's web UI, which image viewers and model sites read.
#include <nlohmann/json.hpp>
#include <string_view>

#include "txt2img/format_text.h"
#include "txt2img/number_text.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

struct Label {
  std::string_view setting, label;
};

// Of settings that are said where they are not at their default, in this order.
constexpr Label kLabels[] = {{"clip_skip", "Clip skip"},         {"eta", "Eta DDIM"},      {"s_churn", "Sigma churn"},
                             {"s_tmin", "Sigma tmin"},           {"s_tmax", "Sigma tmax"}, {"s_noise", "Sigma noise"},
                             {"guidance_rescale", "CFG Rescale"}};

// A PNG text ends at a NUL; everything else may stand in a prompt.
std::string without_nul(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\0' ? std::string("\uFFFD") : std::string(1, c);
  return out;
}

// Its parser splits at commas and colons, and reads JSON strings.
std::string quoted_if_needed(const std::string& value) {
  using nlohmann::json;
  if (value.find_first_of(",:\n\"\\") == std::string::npos) return value;
  return json(value).dump(-1, ' ', false, json::error_handler_t::replace);
}

// Schedules that have a name there follow the sampler's, as in "DPM++ 2M Karras".
std::string sampler_label(const Settings& settings) {
  const std::string_view schedule = info(settings.schedule).label;
  return std::string(info(settings.sampler).label) + (schedule.empty() ? "" : " " + std::string(schedule));
}

}  // namespace

std::string parameters_text(const Record& record) {
  const Settings& settings = record.settings;
  std::string text;
  if (!settings.prompt.empty()) text += without_nul(settings.prompt) + "\n";
  if (!settings.negative.empty()) text += "Negative prompt: " + without_nul(settings.negative) + "\n";
  text += "Steps: " + std::to_string(settings.steps);
  text += ", Sampler: " + sampler_label(settings);
  text += ", CFG scale: " + to_shortest_text(settings.guidance);
  text += ", Seed: " + std::to_string(settings.seed);
  text += format_text(", Size: {}x{}", settings.width, settings.height);
  text += ", Model hash: " + record.model_sha256.substr(0, 10);
  text += ", Model: " + quoted_if_needed(without_nul(record.model));
  for (const auto& [setting, label] : kLabels) {
    const SettingInfo& row = *setting_named(setting);
    if (!is_default(settings, row)) text += format_text(", {}: {}", label, setting_text(settings, row));
  }
  text += ", Version: txt2img " + record.version;
  return text;
}

}  // namespace txt2img

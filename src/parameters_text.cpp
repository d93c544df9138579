// parameters_text: the infotext of AUTOMATIC1111's web UI, which image viewers and model sites read.
#include <nlohmann/json.hpp>

#include "number_text.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

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

std::string_view label_of(SamplerKind sampler) {
  switch (sampler) {
    case SamplerKind::kDdim: return "DDIM";
    case SamplerKind::kEuler: return "Euler";
    case SamplerKind::kEulerAncestral: return "Euler a";
    case SamplerKind::kDpmpp2m: return "DPM++ 2M";
  }
  return "";
}

// Schedules that have a name there follow the sampler's, as in "DPM++ 2M Karras".
std::string_view suffix_of(ScheduleKind schedule) {
  switch (schedule) {
    case ScheduleKind::kKarras: return " Karras";
    case ScheduleKind::kExponential: return " Exponential";
    case ScheduleKind::kModel:
    case ScheduleKind::kLinspace:
    case ScheduleKind::kLeading:
    case ScheduleKind::kTrailing: return "";
  }
  return "";
}

}  // namespace

std::string parameters_text(const Record& record) {
  const Settings& settings = record.settings;
  std::string text;
  if (!settings.prompt.empty()) text += without_nul(settings.prompt) + "\n";
  if (!settings.negative.empty()) text += "Negative prompt: " + without_nul(settings.negative) + "\n";
  text += "Steps: " + std::to_string(settings.steps);
  text += ", Sampler: " + std::string(label_of(settings.sampler)) + std::string(suffix_of(settings.schedule));
  text += ", CFG scale: " + to_shortest_text(settings.guidance);
  text += ", Seed: " + std::to_string(settings.seed);
  text += ", Size: " + std::to_string(settings.width) + "x" + std::to_string(settings.height);
  text += ", Model hash: " + record.model_sha256.substr(0, 10);
  text += ", Model: " + quoted_if_needed(without_nul(record.model));
  if (settings.clip_skip != 1) text += ", Clip skip: " + std::to_string(settings.clip_skip);
  if (settings.eta != 0) text += ", Eta DDIM: " + to_shortest_text(settings.eta);
  if (settings.guidance_rescale != 0) text += ", CFG Rescale: " + to_shortest_text(settings.guidance_rescale);
  text += ", Version: txt2img " + record.version;
  return text;
}

}  // namespace txt2img

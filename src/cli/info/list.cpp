#include "info/list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "options/models.h"
#include "options/option_values.h"
#include "screen/display_width.h"
#include "screen/json_line.h"
#include "screen/standard_output.h"
#include "txt2img/bundle.h"
#include "txt2img/engine_library.h"
#include "txt2img/names.h"
#include "txt2img/noise_schedule.h"
#include "txt2img/schedule.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class Values>
Json names_of(const Values& values) {
  Json names = Json::array();
  for (const auto value : values) names.push_back(name_of(value));
  return names;
}

Json texts(std::span<const std::string_view> values) { return std::vector(values.begin(), values.end()); }

// Of models that are neither EDM's nor of flow matching; those have the same few whatever the sampler.
Json schedules_of(const SamplerInfo& sampler) {
  Json names = Json::array();
  for (const ScheduleInfo& schedule : schedules()) {
    if (has_schedule(sampler, schedule)) names.push_back(schedule.name);
  }
  return names;
}

// share/samplers.jsonl has these rows for the exporter.
Json sampler_row(const SamplerInfo& sampler) {
  return {{"name", sampler.name},
          {"summary", sampler.summary},
          {"method", name_of(sampler.method)},
          {"order", sampler.order},
          {"calls_per_step", sampler.calls_per_step},
          {"stochastic", sampler.is_stochastic},
          {"arxiv", sampler.paper},
          {"diffusers", sampler.reference},
          {"label", sampler.label},
          {"aliases", texts(sampler.aliases)},
          {"family", name_of(sampler.levels.family)},
          {"ends", name_of(sampler.levels.end)},
          {"limits", name_of(sampler.x0_rule)},
          {"models", names_of(sampler.models)},
          {"schedules", schedules_of(sampler)},
          {"options", texts(sampler.options)},
          {"solver_types", names_of(sampler.solver.types)},
          {"solver_order", sampler.solver.order},
          {"solver_order_max", sampler.solver.order_max},
          {"solver_order_max_epsilon", sampler.solver.epsilon_order_max},
          {"needs_lower_order_final", sampler.solver.needs_lower_order_final}};
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  // JSON has no infinity, the sigma of alpha = 0.
  for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
  return list;
}

// What a run would visit: the timesteps that the network is told, and sigma/alpha, with where the run ends.
void add_levels(Json& row, const Bundle& bundle, const Request& request, ScheduleKind schedule) {
  const Settings settings = request.with_defaults(bundle);
  try {
    const Trajectory trajectory = plan_trajectory(NoiseSchedule(bundle.scheduler), bundle.scheduler, settings.sampler,
                                                  schedule, settings.steps, settings.sampler_options);
    std::vector<double> timesteps;
    std::vector<double> sigmas;
    const auto sigma = [](const NoiseLevel& level) { return level.sigma / level.alpha; };
    for (const Step& step : trajectory.steps) {
      timesteps.push_back(step.from.timestep);
      sigmas.push_back(sigma(step.from));
    }
    sigmas.push_back(sigma(trajectory.steps.back().to));
    row["timesteps"] = numbers(timesteps);
    row["sigmas"] = numbers(sigmas);
  } catch (const Error& error) {
    row["error"] = error.what();
  }
}

bool shows_levels(const Request& request) {
  return request.asks(&Settings::steps) || request.asks(&Settings::sampler) || request.asks(&Settings::schedule) ||
         listed_steps(request.settings().sampler_options) > 0;
}

std::vector<Json> schedule_rows(const ListChoices& command) {
  const bool is_shown = shows_levels(command.request);
  const std::optional<Bundle> bundle = is_shown ? std::optional(read_bundle(find_bundle(command.model))) : std::nullopt;
  std::optional<ScheduleKind> only;
  if (command.request.asks(&Settings::schedule)) only = command.request.settings().schedule;
  if (listed_steps(command.request.settings().sampler_options) > 0) only = ScheduleKind::kModel;
  std::vector<Json> rows;
  for (const ScheduleInfo& schedule : schedules()) {
    if (is_shown && only && *only != schedule.kind) continue;
    rows.push_back({{"name", schedule.name},
                    {"summary", schedule.summary},
                    {"label", schedule.label},
                    {"basis", name_of(schedule.basis)},
                    {"models", names_of(schedule.models)}});
    if (bundle) add_levels(rows.back(), *bundle, command.request, schedule.kind);
  }
  return rows;
}

// A broken model is listed with what is wrong.
Json model_row(const std::filesystem::path& folder) {
  try {
    const Bundle bundle = read_bundle(folder);
    const Defaults& defaults = bundle.defaults;
    return {{"name", folder.filename().string()},
            {"model", bundle.name},
            {"family", bundle.family},
            {"size", std::to_string(defaults.width) + "x" + std::to_string(defaults.height)},
            {"licence", bundle.licence},
            {"folder", folder.string()}};
  } catch (const Error& error) {
    return {{"name", folder.filename().string()}, {"error", error.what()}, {"folder", folder.string()}};
  }
}

std::vector<Json> rows_of(const ListChoices& command) {
  std::vector<Json> rows;
  switch (command.subject) {
    case ListSubject::kSamplers:
      for (const SamplerInfo& sampler : samplers()) rows.push_back(sampler_row(sampler));
      break;
    case ListSubject::kSchedules: return schedule_rows(command);
    case ListSubject::kModels:
      for (const std::filesystem::path& folder : installed_models()) rows.push_back(model_row(folder));
      break;
    case ListSubject::kDevices:
      for (const DeviceInfo& device : engine_library().list_devices())
        rows.push_back({{"name", device.name}, {"summary", device.description}});
      break;
  }
  return rows;
}

std::string text_of(const Json& row, const char* key) {
  const auto value = row.find(key);
  return value == row.end() ? "" : escape_for_terminal(value->get<std::string>());
}

std::string describe(const Json& row, ListSubject subject) {
  if (subject != ListSubject::kModels) return text_of(row, "summary");
  if (row.contains("error")) return "broken: " + text_of(row, "error");
  return text_of(row, "model") + ", family " + text_of(row, "family") + ", " + text_of(row, "size") + ", in " +
         text_of(row, "folder");
}

// "multistep, order 2, 1 UNet call a step, arXiv 2211.01095"
std::string facts_of(const Json& row) {
  const int calls = row["calls_per_step"].get<int>();
  return text_of(row, "method") + ", order " + std::to_string(row["order"].get<int>()) + ", " + std::to_string(calls) +
         (calls == 1 ? " UNet call" : " UNet calls") + " a step, " +
         (row["stochastic"].get<bool>() ? "stochastic" : "deterministic") + ", arXiv " + text_of(row, "arxiv");
}

std::string other_names_of(const Json& row) {
  std::string text = "also " + text_of(row, "label") + ", " + text_of(row, "diffusers");
  for (const Json& alias : row["aliases"]) text += ", " + alias.get<std::string>();
  return text;
}

// Five digits, as many as say something.
std::string numbers_text(const Json& values) {
  std::string text;
  for (const Json& value : values) {
    std::array<char, 32> digits{};
    const double number = value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
    std::snprintf(digits.data(), digits.size(), "%.5g", number);
    text += (text.empty() ? "" : " ") + std::string(digits.data());
  }
  return text;
}

// What there is to say under a row.
std::string details_of(const Json& row, ListSubject subject, std::size_t indent) {
  std::vector<std::string> lines;
  if (subject == ListSubject::kSamplers) lines = {facts_of(row), other_names_of(row)};
  if (subject == ListSubject::kSchedules && row.contains("error")) lines = {text_of(row, "error")};
  if (row.contains("sigmas")) {
    lines = {"timesteps " + numbers_text(row["timesteps"]), "sigmas    " + numbers_text(row["sigmas"])};
  }
  std::string text;
  for (const std::string& line : lines) text += std::string(indent, ' ') + line + "\n";
  return text;
}

std::string table_of(const std::vector<Json>& rows, ListSubject subject) {
  std::size_t indent = 0;
  for (const Json& row : rows) indent = std::max(indent, display_width(text_of(row, "name")) + 2);
  std::string table;
  for (const Json& row : rows) {
    const std::string name = text_of(row, "name");
    table += name + std::string(indent - display_width(name), ' ') + describe(row, subject) + "\n" +
             details_of(row, subject, indent);
  }
  return table;
}

}  // namespace

ExitCode list_choices(const ListChoices& command, Console& console) {
  StandardOutput out(console);
  const std::vector<Json> rows = rows_of(command);
  if (command.format == ResultFormat::kText)
    out.text(table_of(rows, command.subject));
  else
    for (const Json& row : rows) out.line(json_line(row));
  if (rows.empty()) console.warning("no models in $TXT2IMG_MODELS, ./models or the installation");
  return ExitCode::kDone;
}

}  // namespace txt2img::cli

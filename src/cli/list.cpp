#include "cli/list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/engine_loader.h"
#include "cli/json_line.h"
#include "cli/models.h"
#include "cli/results.h"
#include "cli/unicode.h"
#include "cli/values.h"
#include "txt2img/bundle.h"
#include "txt2img/names.h"
#include "utf8.h"

namespace txt2img::cli {
namespace {

using Json = nlohmann::ordered_json;

Json sampler_row(const SamplerInfo& sampler) {
  Json aliases = Json::array();
  for (const std::string_view alias : sampler.aliases) aliases.push_back(alias);
  return {{"name", sampler.name},
          {"summary", sampler.summary},
          {"order", sampler.order},
          {"calls_per_step", sampler.calls_per_step},
          {"stochastic", sampler.is_stochastic},
          {"diffusers", sampler.reference},
          {"aliases", aliases}};
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

std::vector<Json> rows_of(ListSubject subject) {
  std::vector<Json> rows;
  switch (subject) {
    case ListSubject::kSamplers:
      for (const SamplerInfo& sampler : samplers()) rows.push_back(sampler_row(sampler));
      break;
    case ListSubject::kSchedules:
      for (const ScheduleInfo& schedule : schedules())
        rows.push_back({{"name", schedule.name}, {"summary", schedule.summary}});
      break;
    case ListSubject::kModels:
      for (const std::filesystem::path& folder : installed_models()) rows.push_back(model_row(folder));
      break;
    case ListSubject::kDevices:
      for (const DeviceInfo& device : list_devices())
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

// Other programs' names for a sampler, on a line of their own.
std::string aliases_of(const Json& row, std::size_t indent) {
  if (!row.contains("aliases")) return {};
  std::string text = std::string(indent, ' ') + "also " + text_of(row, "diffusers");
  for (const Json& alias : row["aliases"]) text += ", " + alias.get<std::string>();
  return text + "\n";
}

std::string table_of(const std::vector<Json>& rows, ListSubject subject) {
  std::size_t indent = 0;
  for (const Json& row : rows) indent = std::max(indent, display_width(text_of(row, "name")) + 2);
  std::string table;
  for (const Json& row : rows) {
    const std::string name = text_of(row, "name");
    table +=
        name + std::string(indent - display_width(name), ' ') + describe(row, subject) + "\n" + aliases_of(row, indent);
  }
  return table;
}

}  // namespace

ExitCode list_choices(const Options& options, Console& console) {
  Results results(console);
  const std::vector<Json> rows = rows_of(options.list);
  if (options.format == ResultFormat::kText)
    results.text(table_of(rows, options.list));
  else
    for (const Json& row : rows) results.line(json_line(row));
  if (rows.empty()) console.warning("no models in $TXT2IMG_MODELS, ./models or the installation");
  return ExitCode::kDone;
}

}  // namespace txt2img::cli

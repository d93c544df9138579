#include "txt2img/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "txt2img/error.h"
#include "txt2img/number_text.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

// A key and the JSON text of its value: written here and not by the library, whose numbers are not always the shortest.
using Member = std::pair<std::string_view, std::string>;
using Members = std::vector<Member>;

std::string to_json(std::string_view text) {
  using nlohmann::json;
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_json(double value) { return to_shortest_text(value); }

std::string to_json(const Members& members) {
  std::string text;
  for (const auto& [key, value] : members) text += (text.empty() ? "{" : ",") + to_json(key) + ":" + value;
  return text + "}";
}

Members sorted(Members members) {
  std::ranges::sort(members, {}, &Member::first);
  return members;
}

std::string to_json(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "[" : ",") + to_json(number);
  return text + "]";
}

std::string to_json(const std::vector<Retry>& retries) {
  std::string text;
  for (const Retry retry : retries) text += (text.empty() ? "[" : ",") + to_json(name_of(retry));
  return text + "]";
}

std::string to_json(std::uint64_t value) { return std::to_string(value); }
std::string to_json(int value) { return std::to_string(value); }
std::string to_json(SamplerKind value) { return to_json(info(value).name); }
std::string to_json(ScheduleKind value) { return to_json(info(value).name); }
std::string to_json(const PixelPair& pair) {
  return "[" + std::to_string(pair.first) + "," + std::to_string(pair.second) + "]";
}

// JSON has numbers and booleans of its own; everything else is a string.
std::string option_to_json(const Settings& settings, const SettingInfo& row) {
  const std::string text = setting_text(settings, row);
  const bool is_bare = std::holds_alternative<double SamplerOptions::*>(row.member) ||
                       std::holds_alternative<int SamplerOptions::*>(row.member) ||
                       std::holds_alternative<bool SamplerOptions::*>(row.member) ||
                       std::holds_alternative<std::optional<double> SamplerOptions::*>(row.member);
  return is_bare ? text : to_json(text);
}

std::string value_to_json(const Settings& settings, const SettingInfo& row) {
  if (row.option != nullptr) return option_to_json(settings, row);
  return std::visit(
      [&](auto member) -> std::string {
        if constexpr (requires { to_json(at(settings, member)); }) return to_json(at(settings, member));
        return {};  // an option, see above
      },
      row.member);
}

Members members_of(const Settings& settings) {
  Members members;
  for (const SettingInfo& row : settings_table()) {
    if (row.recording == Recording::kAlways || !is_default(settings, row))
      members.emplace_back(row.name, value_to_json(settings, row));
  }
  return members;
}

Members members_of(const Stages& stages) {
  return {{"ids", to_json(stages.ids)},
          {"context", to_json(stages.context)},
          {"noise", to_json(stages.noise)},
          {"latent", to_json(stages.latent)},
          {"pixels", to_json(stages.pixels)}};
}

// Only what there is.
Members members_of(const Machine& machine) {
  Members members;
  if (machine.threads > 0) members.emplace_back("threads", std::to_string(machine.threads));
  if (!machine.instructions.empty()) members.emplace_back("instructions", to_json(machine.instructions));
  if (!machine.gpu.empty()) members.emplace_back("gpu", to_json(machine.gpu));
  members.emplace_back("libtorch", to_json(machine.libtorch));
  return members;
}

}  // namespace

std::string_view version() { return TXT2IMG_VERSION; }

std::string job_key(const Record& record) {
  Members members = {{"key_version", "1"},
                     {"model_sha256", to_json(record.model_sha256)},
                     {"settings", to_json(sorted(members_of(record.settings)))},
                     {"device", to_json(record.device)},
                     {"dtype", to_json(name_of(record.precision))},
                     {"vae_dtype", to_json(name_of(record.vae_precision))}};
  if (!record.levers.empty()) members.emplace_back("levers", to_json(record.levers));
  const std::string canonical = to_json(sorted(members));
  return sha256_hex(std::as_bytes(std::span(canonical)));
}

std::string machine_text(const Machine& machine) {
  std::string text = machine.gpu;
  if (machine.threads > 0) text += std::to_string(machine.threads) + (machine.threads == 1 ? " thread" : " threads");
  if (!machine.instructions.empty()) text += ", " + machine.instructions;
  return text + ", LibTorch " + machine.libtorch;
}

std::string settings_json(const Settings& settings) { return to_json(members_of(settings)); }

std::string record_json(const Record& record) {
  const Members model = {{"name", to_json(record.model)}, {"sha256", to_json(record.model_sha256)}};
  Members members = {{"format", to_json("txt2img-record")},
                     {"version", "1"},
                     {"program", to_json(record.version)},
                     {"job_key", to_json(record.job_key)},
                     {"model", to_json(model)},
                     {"settings", settings_json(record.settings)},
                     {"device", to_json(record.device)},
                     {"dtype", to_json(name_of(record.precision))},
                     {"vae_dtype", to_json(name_of(record.vae_precision))},
                     {"stages", to_json(members_of(record.stages))}};
  if (!record.levers.empty()) members.emplace_back("levers", to_json(record.levers));
  if (record.machine) members.emplace_back("machine", to_json(members_of(*record.machine)));
  if (!record.retries.empty()) members.emplace_back("retries", to_json(record.retries));
  return to_json(members);
}

std::vector<PngText> record_chunks(const Record& record) {
  return {{.keyword = "Software", .text = "txt2img " + record.version},
          {.keyword = "parameters", .text = parameters_text(record)},
          {.keyword = "txt2img", .text = record_json(record), .international = true}};
}

}  // namespace txt2img

#include "info/show.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/picture.h"
#include "options/option_table.h"
#include "options/option_values.h"
#include "screen/json_line.h"
#include "screen/standard_output.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/names.h"
#include "txt2img/number_text.h"
#include "txt2img/png.h"
#include "txt2img/record.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string row(std::string_view name, const std::string& value) {
  constexpr std::size_t kNameColumns = 18;
  std::string line(name);
  line.resize(kNameColumns, ' ');
  return line + escape_for_terminal(value) + "\n";
}

std::string with_blanks(std::string_view name) {
  std::string text(name);
  std::ranges::replace_if(text, [](char c) { return c == '-' || c == '_'; }, ' ');
  return text;
}

// Options of samplers that are not at their default, and all others; width and height as the size, after the seed.
std::string settings_text(const Settings& settings) {
  std::string text;
  for (const SettingInfo& info : settings_table()) {
    if (info.name == "width" || info.name == "height") continue;
    const bool is_shown = info.recording == Recording::kAlways && info.option == nullptr;
    if (is_shown || !is_default(settings, info)) text += row(with_blanks(info.name), setting_text(settings, info));
    if (info.name == "seed") text += row("size", format_text("{}x{}", settings.width, settings.height));
  }
  return text;
}

// Only where there were some.
std::string retries_text(const std::vector<Retry>& retries) {
  if (retries.empty()) return "";
  return row("retries", joined(retries, ", ", [](Retry retry) { return name_of(retry); }));
}

std::string record_text(const Record& record) {
  return settings_text(record.settings) + row("model", record.model + " (" + record.model_sha256 + ")") +
         row("drawn by", "txt2img " + record.version + " on " + record.device + ", " +
                             std::string(name_of(record.precision)) + ", VAE " +
                             std::string(name_of(record.vae_precision))) +
         (record.levers.empty() ? "" : row("levers", record.levers)) +
         (record.machine ? row("machine", machine_text(*record.machine)) : "") + retries_text(record.retries) +
         row("job key", record.job_key);
}

std::string foreign_text(const foreign::Request& request) {
  std::string text = row("prompt", request.prompt);
  for (const foreign::Setting& setting : request.settings) text += row(with_blanks(setting.option), setting.value);
  text += row("drawn by", request.program);
  for (const foreign::Leftover& leftover : request.rest) {
    const bool is_idle = leftover.effect == foreign::Effect::kNone;
    text += row(is_idle ? "said besides" : "not followed",
                leftover.name + (leftover.value.empty() ? "" : ": " + leftover.value));
  }
  return text;
}

// Numbers as such where the option takes one.
Json value_json(const foreign::Setting& setting) {
  const ValueKind kind = kind_of(*find_option(setting.option));
  if (kind == ValueKind::kText || kind == ValueKind::kOptionalText) return setting.value;
  const Json number = Json::parse(setting.value, nullptr, false);
  return number.is_number() ? number : Json(setting.value);
}

Json rest_json(const foreign::Request& request, foreign::Effect effect) {
  Json rest = Json::array();
  for (const foreign::Leftover& leftover : request.rest) {
    if (leftover.effect == effect) rest.push_back({{"name", leftover.name}, {"value", leftover.value}});
  }
  return rest;
}

Json foreign_json(const std::optional<foreign::Request>& request, const std::vector<PngText>& texts) {
  Json object = {{"format", "foreign"}, {"program", nullptr}};
  if (request) {
    Json settings = {{"prompt", request->prompt}};
    for (const foreign::Setting& setting : request->settings) {
      std::string key(setting.option);
      std::ranges::replace(key, '-', '_');
      settings[key] = value_json(setting);
    }
    object["program"] = request->program;
    object["settings"] = settings;
    object["not_followed"] = rest_json(*request, foreign::Effect::kSome);
    object["besides"] = rest_json(*request, foreign::Effect::kNone);
  }
  object["texts"] = Json::object();
  for (const PngText& text : texts) object["texts"][text.keyword] = text.text;
  return object;
}

// A text as it is, but for what a terminal should not see; in whole lines under its keyword.
std::string lines_text(const PngText& text) {
  std::string shown = escape_for_terminal(text.keyword) + ":\n";
  std::string_view rest = text.text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    shown += "  " + escape_for_terminal(rest.substr(0, end)) + "\n";
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return shown;
}

ExitCode show_foreign(const ShowRecord& command, const std::vector<PngText>& texts, StandardOutput& out,
                      Console& console) {
  if (texts.empty())
    throw Error(ExitCode::kBadData, command.picture + ": the picture has no record of how it was drawn, nor any text");
  const std::optional<foreign::Request> request = foreign::read_request(texts);
  console.warning(command.picture + ": no record of txt2img; " +
                  (request ? "these are the settings that another program wrote (" + request->program + ")"
                           : "these are the texts that another program wrote, nothing of them is known here"));
  if (command.format == ResultFormat::kJson) {
    out.line(json_line(foreign_json(request, texts)));
    return ExitCode::kDone;
  }
  std::string shown = request ? foreign_text(*request) : "";
  for (const PngText& text : texts) {
    if (!request || text.keyword == "parameters") shown += lines_text(text);
  }
  out.text(shown);
  return ExitCode::kDone;
}

}  // namespace

ExitCode show_record(const ShowRecord& command, Console& console) {
  StandardOutput out(console);
  const std::vector<PngText> texts = read_png_texts(command.picture);
  if (const std::optional<Record> record = read_record(command.picture)) {
    if (command.format == ResultFormat::kJson)
      out.line(record_json(*record));
    else
      out.text(record_text(*record));
    return ExitCode::kDone;
  }
  return show_foreign(command, texts, out, console);
}

}  // namespace txt2img::cli

#include "cli/show.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "cli/results.h"
#include "cli/values.h"
#include "txt2img/names.h"
#include "txt2img/png.h"
#include "txt2img/record.h"
#include "utf8.h"

namespace txt2img::cli {
namespace {

std::string row(std::string_view name, const std::string& value) {
  constexpr std::size_t kNameColumns = 18;
  std::string line(name);
  line.resize(kNameColumns, ' ');
  return line + escape_for_terminal(value) + "\n";
}

// Those that are not at their default.
std::string options_text(const SamplerOptions& options) {
  std::string text;
  for (const SamplerOptionInfo& info : sampler_options()) {
    std::string name(info.name);
    std::ranges::replace(name, '_', ' ');
    if (const std::string value = text_of(options, info); !value.empty()) text += row(name, value);
  }
  const auto list = [](const std::vector<double>& values) {
    std::string joined;
    for (const double value : values) joined += (joined.empty() ? "" : ",") + real_text(value);
    return joined;
  };
  if (!options.sigmas.empty()) text += row("sigmas", list(options.sigmas));
  if (!options.timesteps.empty()) text += row("timesteps", list(options.timesteps));
  return text;
}

// Only where there were some.
std::string retries_text(const std::vector<Retry>& retries) {
  std::string names;
  for (const Retry retry : retries) names += (names.empty() ? "" : ", ") + std::string(name_of(retry));
  return names.empty() ? "" : row("retries", names);
}

std::string record_text(const Record& record) {
  const Settings& s = record.settings;
  return row("prompt", s.prompt) + row("negative", s.negative) + row("seed", std::to_string(s.seed)) +
         row("size", std::to_string(s.width) + "x" + std::to_string(s.height)) + row("steps", std::to_string(s.steps)) +
         row("guidance", real_text(s.guidance)) + row("guidance rescale", real_text(s.guidance_rescale)) +
         row("sampler", std::string(info(s.sampler).name)) + row("schedule", std::string(info(s.schedule).name)) +
         options_text(s.sampler_options) + row("clip skip", std::to_string(s.clip_skip)) +
         row("model", record.model + " (" + record.model_sha256 + ")") +
         row("drawn by", "txt2img " + record.version + " on " + record.device + ", " +
                             std::string(name_of(record.precision)) + ", VAE " +
                             std::string(name_of(record.vae_precision))) +
         retries_text(record.retries) + row("job key", record.job_key);
}

// The text that AUTOMATIC1111 and others write.
const PngText* find_parameters(const std::vector<PngText>& texts) {
  for (const PngText& text : texts) {
    if (text.keyword == "parameters") return &text;
  }
  return nullptr;
}

std::string lines_text(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    shown += escape_for_terminal(text.substr(0, end)) + "\n";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return shown;
}

}  // namespace

ExitCode show_record(const Options& options, Console& console) {
  Results results(console);
  const std::vector<PngText> texts = read_png_texts(options.subject);
  if (const std::optional<Record> record = read_record(options.subject)) {
    if (options.format == ResultFormat::kJson)
      results.line(record_json(*record));
    else
      results.text(record_text(*record));
    return ExitCode::kDone;
  }
  const PngText* const parameters = find_parameters(texts);
  if (parameters == nullptr || options.format == ResultFormat::kJson) {
    throw Error(ExitCode::kBadData, options.subject + ": the picture has no record of txt2img");
  }
  console.warning(options.subject + ": no record of txt2img; these are the parameters another program wrote");
  results.text(lines_text(parameters->text));
  return ExitCode::kDone;
}

}  // namespace txt2img::cli

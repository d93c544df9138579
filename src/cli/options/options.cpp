#include "options/options.h"

#include <algorithm>
#include <ranges>
#include <span>

#include "foreign/picture.h"
#include "options/bare_words.h"
#include "options/command_line.h"
#include "options/config.h"
#include "options/models.h"
#include "options/option_table.h"
#include "options/repeats.h"
#include "options/rules.h"
#include "txt2img/error.h"
#include "txt2img/png.h"
#include "txt2img/schedule.h"

namespace txt2img::cli {
namespace {

void apply_all(const std::vector<Assignment>& assignments, Options& options) {
  for (const Assignment& assignment : assignments) apply(assignment, options);
}

// The last value given for an option.
std::optional<std::string> value_of(std::string_view name, const std::vector<Assignment>& flags) {
  const OptionInfo* const option = find_option(name);
  const auto backwards = std::views::reverse(flags);
  const auto last = std::ranges::find(backwards, option, &Assignment::option);
  if (last == backwards.end()) return std::nullopt;
  return last->value;
}

std::optional<std::filesystem::path> config_path(const std::vector<Assignment>& flags) {
  if (const std::optional<std::string> given = value_of("config", flags)) return *given;
  return default_config();
}

[[noreturn]] void refuse_unreadable(const std::string& picture, std::span<const PngText> texts) {
  throw Error(ExitCode::kBadData,
              picture + ": the picture has no record of how it was drawn" +
                  (texts.empty() ? ""
                                 : ", its texts (" + foreign::names_of(texts) +
                                       ") say nothing that can be read here; --show " + picture + " prints them"));
}

// What another program wrote into a picture to start from.
foreign::Request read_foreign(const std::string& picture) {
  const std::vector<PngText> texts = read_png_texts(picture);
  std::optional<foreign::Request> request = foreign::read_request(texts);
  if (!request) refuse_unreadable(picture, texts);
  return *std::move(request);
}

// Only what txt2img drew can be drawn again bit for bit.
[[noreturn]] void refuse_golden(const std::string& picture) {
  const std::optional<foreign::Request> request = foreign::read_request(read_png_texts(picture));
  const std::string remedy = "; give the prompt and the settings to draw it again";
  if (!request) throw Error(ExitCode::kBadData, picture + ": the picture has no record of how it was drawn" + remedy);
  throw Error(ExitCode::kBadData, picture + ": the picture is one of " + request->program +
                                      ", which txt2img cannot draw again bit for bit (--from " + picture +
                                      " draws with its settings)" + remedy);
}

// The record that the run starts from. A picture to verify may lack one if the command line says what to draw.
std::optional<Record> find_record(const std::vector<Assignment>& flags) {
  const std::optional<std::string> from = value_of("from", flags);
  const std::optional<std::string> golden = value_of("verify", flags);
  if (!from && !golden) return std::nullopt;
  if (from && golden) throw Error(ExitCode::kUsage, "--from and --verify both name a picture to draw again; give one");
  const std::string& picture = from ? *from : *golden;
  std::optional<Record> record = read_record(picture);
  if (!record && golden && !value_of("prompt", flags)) refuse_golden(picture);
  return record;
}

Request request_of(const Settings& settings) {
  return {.prompt = settings.prompt,
          .negative = settings.negative,
          .seed = settings.seed,
          .count = 1,
          .steps = settings.steps,
          .guidance = settings.guidance,
          .guidance_rescale = settings.guidance_rescale,
          .width = settings.width,
          .height = settings.height,
          .sampler = settings.sampler,
          .schedule = settings.schedule,
          .sampler_options = settings.sampler_options,
          .said_options = all_option_names(),
          .clip_skip = settings.clip_skip,
          .size_conditioning = settings.size_conditioning};
}

// The record stands in for the command line that drew the picture.
void apply_record(const Record& record, Options& options) {
  options.prompts = {record.settings.prompt};
  options.request = request_of(record.settings);
  options.model = find_recorded_model(record, options.model);
  options.engine.precision = record.precision;
  options.engine.vae_precision = record.vae_precision;
  if (options.engine.device == "auto" && record.device == "cpu") options.engine.device = "cpu";
}

// Parameters of the sampler or levels of the schedule that another picture was drawn with do not go with a new one.
void forget_what_is_replaced(const std::vector<Assignment>& flags, Request& request) {
  SamplerOptions& old = request.sampler_options;
  if (value_of("sampler", flags)) {
    old = {.sigmas = old.sigmas, .timesteps = old.timesteps};
    request.said_options.clear();
  }
  if (!value_of("sampler", flags) && !value_of("schedule", flags) && !value_of("steps", flags)) return;
  if (listed_steps(old) > 0) request.steps.reset();
  old.sigmas.clear();
  old.timesteps.clear();
}

void add_warnings(Options& options, const std::vector<std::string>& texts) {
  options.warnings.insert(options.warnings.end(), texts.begin(), texts.end());
}

// A record of the pictures in a folder is that of each of them: nothing is taken from it.
bool verifies_folder(const std::vector<Assignment>& flags) {
  return value_of("verify", flags) && value_of("file", flags);
}

}  // namespace

Options read_options(int argc, const char* const* argv) {
  Options options;
  if (argc < 2) options.action = Action::kUsage;
  const std::vector<Assignment> flags = parse_command_line(argc, argv);
  if (value_of("help", flags)) options.action = Action::kHelp;
  if (value_of("version", flags)) options.action = Action::kVersion;
  if (options.action != Action::kDraw) return options;
  add_warnings(options, check_repeats(flags));
  add_warnings(options, explain_bare_words(bare_prompts(flags)));
  add_warnings(options, explain_environment());

  if (const std::optional<std::filesystem::path> path = config_path(flags)) apply_all(read_config(*path), options);
  apply_all(read_environment(), options);
  if (!verifies_folder(flags)) options.record = find_record(flags);
  if (options.record) {
    apply_record(*options.record, options);
    forget_what_is_replaced(flags, options.request);
  }
  if (const std::optional<std::string> from = value_of("from", flags); from && !options.record) {
    options.foreign = read_foreign(*from);
    options.prompts = {options.foreign->prompt};
  }
  for (const Assignment& flag : flags) options.given.push_back(name_of(*flag.option));
  if (value_of("prompt", flags) || value_of("file", flags)) options.prompts.clear();
  apply_all(flags, options);
  // What is drawn to be compared is not written only because all pictures are.
  if (options.action == Action::kVerify) options.output = value_of("output", flags);
  if (verifies_folder(flags) && !options.output)
    options.output = (std::filesystem::path(options.subject) / "").string();
  if (options.is_stream) options.format = ResultFormat::kJson;
  check_rules(options);
  return options;
}

}  // namespace txt2img::cli

#include "options/command.h"

#include <algorithm>
#include <ranges>
#include <span>
#include <utility>

#include "foreign/picture.h"
#include "options/bare_words.h"
#include "options/command_line.h"
#include "options/config.h"
#include "options/models.h"
#include "options/option_table.h"
#include "options/options.h"
#include "options/repeats.h"
#include "options/rules.h"
#include "txt2img/error.h"
#include "txt2img/png.h"
#include "txt2img/schedule.h"
#include "txt2img/switches.h"

namespace txt2img::cli {
namespace {

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

// The record stands in for the command line that drew the picture.
void apply_record(const Record& record, Options& options) {
  options.prompts = {record.settings.prompt};
  options.request.ask_all(record.settings);
  options.request.count = 1;
  options.model = find_recorded_model(record, options.model);
  options.engine.precision = record.precision;
  options.engine.vae_precision = record.vae_precision;
  if (options.engine.device == "auto" && record.device == "cpu") options.engine.device = "cpu";
}

// Parameters of the sampler or levels of the schedule that another picture was drawn with do not go with a new one.
void forget_what_is_replaced(const std::vector<Assignment>& flags, Request& request) {
  if (value_of("sampler", flags)) request.forget_options();
  if (!value_of("sampler", flags) && !value_of("schedule", flags) && !value_of("steps", flags)) return;
  if (listed_steps(request.settings().sampler_options) > 0) request.forget(&Settings::steps);
  request.forget(&SamplerOptions::sigmas);
  request.forget(&SamplerOptions::timesteps);
}

// A record of the pictures in a folder is that of each of them: nothing is taken from it.
bool verifies_folder(const std::vector<Assignment>& flags) {
  return value_of("verify", flags) && value_of("file", flags);
}

// What stands below the command line: the configuration, the environment, and the picture that is started from.
Origin read_origin(const std::vector<Assignment>& flags, Options& options) {
  if (const std::optional<std::filesystem::path> path = config_path(flags)) apply_all(read_config(*path), options);
  apply_all(read_environment(), options);
  Origin origin;
  if (!verifies_folder(flags)) origin.record = find_record(flags);
  if (origin.record) {
    apply_record(*origin.record, options);
    forget_what_is_replaced(flags, options.request);
  }
  if (const std::optional<std::string> from = value_of("from", flags); from && !origin.record) {
    origin.foreign = read_foreign(*from);
    options.prompts = {origin.foreign->prompt};
  }
  for (const Assignment& flag : flags) origin.given.push_back(name_of(*flag.option));
  return origin;
}

Options read_options(const std::vector<Assignment>& flags, Origin& origin) {
  Options options;
  origin = read_origin(flags, options);
  if (value_of("prompt", flags) || value_of("file", flags)) options.prompts.clear();
  apply_all(flags, options);
  // What is drawn to be compared is not written only because all pictures are.
  if (options.action == Action::kVerify) options.output = value_of("output", flags);
  if (verifies_folder(flags) && !options.output)
    options.output = (std::filesystem::path(options.subject) / "").string();
  if (options.is_stream) options.format = ResultFormat::kJson;
  check_rules(options);
  origin.from = options.from;
  return options;
}

Purpose purpose_of(const Options& o) {
  if (o.action == Action::kVerify) return o.redoes ? Purpose::kRedo : Purpose::kVerify;
  if (o.action == Action::kDryRun) return Purpose::kDryRun;
  return o.is_stream ? Purpose::kStream : Purpose::kDraw;
}

Drawing drawing_of(const Options& o) {
  Drawing drawing = static_cast<const Drawing&>(o);
  drawing.engine.switches = read_switches();
  if (!drawing.on_failure) drawing.on_failure = o.has_files() ? OnFailure::kGoOn : OnFailure::kStop;
  return drawing;
}

RunOptions run_of(const Options& o, Origin origin) {
  return {.purpose = purpose_of(o),
          .source = static_cast<const PromptSource&>(o),
          .origin = std::move(origin),
          .request = o.request,
          .model = o.model,
          .verify_model = o.verify_model,
          .drawing = drawing_of(o),
          .target = static_cast<const Target&>(o),
          .voice = static_cast<const Voice&>(o),
          .resumes = o.resumes,
          .shard = o.shard};
}

Command draw_command(RunOptions run, const Options& o) {
  if (run.purpose == Purpose::kStream) return DrawStream{.run = std::move(run)};
  return DrawPictures{.run = std::move(run), .overviews = static_cast<const Overviews&>(o)};
}

Command verification_of(RunOptions run, const Options& o) {
  if (run.source.has_files()) return VerifyTree{.run = std::move(run), .folder = o.subject};
  return VerifyPicture{.run = std::move(run), .picture = o.subject, .tolerance = o.tolerance};
}

Command command_of(const Options& o, Origin origin) {
  switch (o.action) {
    case Action::kDraw: return draw_command(run_of(o, std::move(origin)), o);
    case Action::kDryRun:
      return ShowPlan{.run = run_of(o, std::move(origin)), .overviews = static_cast<const Overviews&>(o)};
    case Action::kVerify: return verification_of(run_of(o, std::move(origin)), o);
    case Action::kShow: return ShowRecord{.picture = o.subject, .format = o.format};
    case Action::kList:
      return ListChoices{.subject = o.list, .request = o.request, .model = o.model, .format = o.format};
    case Action::kCheck:
      return CheckModel{
          .model = o.subject.empty() ? o.model : o.subject, .engine = drawing_of(o).engine, .format = o.format};
    case Action::kHelp: return PrintHelp{};
    case Action::kVersion: break;
  }
  return PrintVersion{};
}

std::vector<std::string> warnings_of(const std::vector<Assignment>& flags) {
  std::vector<std::string> warnings = check_repeats(flags);
  for (const std::string& text : explain_bare_words(bare_prompts(flags))) warnings.push_back(text);
  for (const std::string& text : explain_environment()) warnings.push_back(text);
  return warnings;
}

}  // namespace

RunOptions* run_of(Command& command) {
  return std::visit(
      [](auto& one) -> RunOptions* {
        if constexpr (requires { one.run; })
          return &one.run;
        else
          return nullptr;
      },
      command);
}

Asked read_command(int argc, const char* const* argv) {
  if (argc < 2) return {.command = ExplainUsage{}};
  const std::vector<Assignment> flags = parse_command_line(argc, argv);
  if (value_of("version", flags)) return {.command = PrintVersion{}};
  if (value_of("help", flags)) return {.command = PrintHelp{}};
  std::vector<std::string> warnings = warnings_of(flags);
  Origin origin;
  const Options options = read_options(flags, origin);
  return {.command = command_of(options, std::move(origin)),
          .verbosity = options.verbosity,
          .colour = options.colour,
          .warnings = std::move(warnings)};
}

}  // namespace txt2img::cli

#include "run/verify.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "plan/planner.h"
#include "run/engine_loader.h"
#include "run/recorded_picture.h"
#include "screen/json_line.h"
#include "screen/progress.h"
#include "screen/standard_output.h"
#include "screen/terminal.h"
#include "txt2img/engine_library.h"
#include "txt2img/format_text.h"
#include "txt2img/png.h"
#include "txt2img/sha256.h"

namespace txt2img::cli {
namespace {

struct Difference {
  std::size_t pixels = 0;  // in which a channel differs by more than the tolerance
  int largest = 0;         // of any channel, in levels
};

// Of two pictures of the same size.
Difference compare(const Image& one, const Image& other, int tolerance) {
  Difference difference;
  for (std::size_t pixel = 0; pixel + 2 < one.rgb.size(); pixel += 3) {
    int largest = 0;
    for (std::size_t i = pixel; i < pixel + 3; ++i) largest = std::max(largest, std::abs(one.rgb[i] - other.rgb[i]));
    if (largest > tolerance) ++difference.pixels;
    difference.largest = std::max(difference.largest, largest);
  }
  return difference;
}

// In the order of the pipeline; empty if none differs.
std::string_view first_difference(const Stages& one, const Stages& other) {
  struct Stage {
    std::string_view name;
    std::string Stages::* hash;
  };
  constexpr std::array<Stage, 5> kStages = {{{"ids", &Stages::ids},
                                             {"context", &Stages::context},
                                             {"noise", &Stages::noise},
                                             {"latent", &Stages::latent},
                                             {"pixels", &Stages::pixels}}};
  for (const Stage& stage : kStages) {
    if (one.*stage.hash != other.*stage.hash) return stage.name;
  }
  return {};
}

std::string size_text(const Image& image) { return format_text("{}x{}", image.width, image.height); }

// Empty where the record is of old, or there is none.
std::string machine_of(const std::optional<Record>& record) {
  return record && record->machine ? machine_text(*record->machine) : "";
}

struct Verdict {
  bool is_same_size = true;
  Difference difference = {};
  std::string_view stage = {};  // the first that differs, empty if unknown
  std::string drawn_with{};     // the machine, empty if unknown
  std::string here{};           // this one

  [[nodiscard]] bool is_same() const { return is_same_size && difference.pixels == 0; }
};

// What other machines make of a picture differs by rounding; a larger difference has another cause.
std::string machines_text(const Verdict& verdict) {
  constexpr int kRoundingMax = 4;  // levels; one or two were seen
  if (verdict.drawn_with.empty() || verdict.drawn_with == verdict.here) return {};
  const bool is_rounding = verdict.difference.largest <= kRoundingMax;
  return format_text("; drawn with {}, here {}{}", verdict.drawn_with, verdict.here,
                     (is_rounding ? ", whose kernels may round differently: allow it with --tolerance " +
                                        std::to_string(verdict.difference.largest)
                                  : ""));
}

std::string verdict_text(const Verdict& verdict, const Image& golden, const Image& drawn, int tolerance) {
  if (!verdict.is_same_size)
    return format_text("differs: it is {}, drawn again it is {}", size_text(golden), size_text(drawn));
  const std::string largest = format_text("by at most {} (tolerance {})", verdict.difference.largest, tolerance);
  if (verdict.is_same())
    return verdict.difference.largest == 0 ? "same" : "same within the tolerance: differs " + largest;
  return format_text("differs: {} of {} pixels, {}{}{}", verdict.difference.pixels, golden.rgb.size() / 3, largest,
                     verdict.stage.empty() ? "" : "; the first stage that differs: " + std::string(verdict.stage),
                     machines_text(verdict));
}

nlohmann::ordered_json text_or_null(std::string_view text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

std::string verdict_json(const VerifyPicture& command, const Verdict& verdict, const Settings& settings) {
  return json_line({{"picture", command.picture},
                    {"status", verdict.is_same() ? "same" : "different"},
                    {"seed", settings.seed},
                    {"tolerance", command.tolerance},
                    {"same_size", verdict.is_same_size},
                    {"pixels", verdict.difference.pixels},
                    {"largest", verdict.difference.largest},
                    {"stage", text_or_null(verdict.stage)},
                    {"drawn_with", text_or_null(verdict.drawn_with)},
                    {"here", text_or_null(verdict.here)}});
}

void warn_if_edited(const VerifyPicture& command, const Image& golden, Console& console) {
  const std::optional<Record>& record = command.run.origin.record;
  if (record && sha256_hex(std::as_bytes(std::span(golden.rgb))) != record->stages.pixels) {
    console.warning(command.picture +
                    ": the pixels are not those of its record; the picture was changed after it was drawn");
  }
}

Picture draw_again(const RunOptions& options, const Plan& plan, const Settings& settings, Console& console,
                   Record& record) {
  const ProgressStyle style =
      choose_style(options.voice.progress, options.voice.verbosity, is_terminal(Stream::kError));
  const std::unique_ptr<Progress> progress = make_progress(style, Skipped::kOneByOne, console);
  progress->start_loading(plan.bundle.name, size_of(plan.bundle));
  verify_files(plan.bundle, options.verify_model);
  const std::unique_ptr<Engine> engine = open_engine(plan.bundle, options.drawing.engine);
  const BatchStart start{.prompt = settings.prompt};
  progress->start(start);
  const Observer observer{.on_step = [&](int done, int steps) { progress->step(start, done, steps); },
                          .on_warning = [&](const std::string& text) { console.warning(text); }};
  Picture picture = draw_one(*engine, make_input(settings, *plan.tokenizers), observer);
  record = record_of(plan.bundle, settings, engine->facts(), picture);
  return picture;
}

void write_picture(const RunOptions& options, const Plan& plan, const Record& record, const Image& image) {
  const std::vector<std::uint8_t> png = encode_picture(image, record, options.target.metadata);
  switch (plan.destination()) {
    case Destination::kFiles:
    case Destination::kStream:
      write_output_file(plan.path_of(plan.jobs.front()), png, plan.on_exists_of(plan.jobs.front()));
      break;
    case Destination::kStandardOutput: StandardOutput::bytes(png); break;
    case Destination::kNowhere: break;
  }
}

}  // namespace

ExitCode verify_picture(const VerifyPicture& command, Console& console) {
  const RunOptions& options = command.run;
  StandardOutput::check();
  const Image golden = read_png(command.picture);
  warn_if_edited(command, golden, console);
  const Plan plan = make_plan(options, console);
  if (plan.jobs.size() != 1)
    throw Error(ExitCode::kUsage, "--verify draws one picture; give one prompt and no --count");

  const Settings settings = plan.settings_of(plan.jobs.front());
  Record record;
  const Picture drawn = draw_again(options, plan, settings, console, record);
  write_picture(options, plan, record, drawn.image);

  Verdict verdict{.is_same_size = golden.width == drawn.image.width && golden.height == drawn.image.height};
  if (verdict.is_same_size) verdict.difference = compare(golden, drawn.image, command.tolerance);
  verdict.drawn_with = machine_of(options.origin.record);
  verdict.here = machine_of(record);
  if (options.origin.record) verdict.stage = first_difference(options.origin.record->stages, drawn.stages);
  StandardOutput(console).line(options.voice.format == ResultFormat::kJson
                                   ? verdict_json(command, verdict, settings)
                                   : command.picture + ": " +
                                         verdict_text(verdict, golden, drawn.image, command.tolerance));
  return verdict.is_same() ? ExitCode::kDone : ExitCode::kSomeFailed;
}

}  // namespace txt2img::cli

// What a run of the program is asked to do, from the command line, the environment and the configuration file.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/request.h"
#include "options/column_map.h"
#include "options/prompt_format.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/output_file.h"
#include "txt2img/record.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class Action { kDraw, kDryRun, kVerify, kShow, kList, kCheck, kHelp, kVersion, kUsage };

// The names of these choices are in the order of their values.
enum class ListSubject { kSamplers, kSchedules, kModels, kDevices };
inline constexpr std::array<std::string_view, 4> kListSubjectNames = {"samplers", "schedules", "models", "devices"};

inline constexpr std::array<std::string_view, 4> kOnExistsNames = {"rename", "overwrite", "skip", "error"};
inline constexpr std::array<std::string_view, 3> kVaeTilingNames = {"auto", "on", "off"};
inline constexpr std::array<std::string_view, 3> kVerifyModelNames = {"always", "once", "never"};

// What is done about keys of a prompt file that mean nothing here.
enum class ExtraKeys { kError, kPass };
inline constexpr std::array<std::string_view, 2> kExtraKeysNames = {"error", "pass"};

enum class ResultFormat { kText, kJson };
enum class Metadata { kWrite, kOmit };

// How the pictures in a folder are called: by number and prompt, or as an evaluator wants them.
enum class Layout { kFlat, kGeneval, kT2iCompbench };
inline constexpr std::array<std::string_view, 3> kLayoutNames = {"flat", "geneval", "t2i-compbench"};

// Item i of a run belongs to shard i mod count.
struct Shard {
  std::size_t number = 0;
  std::size_t count = 1;
};

// What happens to the other pictures of a run when one cannot be drawn.
enum class OnFailure { kStop, kGoOn };

inline constexpr int kBatchMax = 256;

struct Options {
  Action action = Action::kDraw;
  ListSubject list{};
  std::string subject;                        // the picture of --verify and --show, the bundle of --check
  std::optional<std::filesystem::path> from;  // the picture of --from

  std::vector<std::string> prompts;            // "-" is standard input
  std::vector<std::string> files;              // of prompts, in this order, instead of these; "-" is standard input
  std::optional<PromptFormat> format_of_file;  // empty: its name tells
  ExtraKeys extra_keys = ExtraKeys::kError;
  std::vector<ColumnRule> columns;  // where other columns of the prompt files are read than those of the keys' names
  Request request;                  // all but the prompt
  std::string model;                // a path or a name; empty: the bundled model
  EngineOptions engine;
  std::vector<std::string> devices;     // draw at once, of one kind; "all": every CUDA device; empty: engine.device
  int batch_size = 1;                   // pictures in one call of the UNet
  std::optional<OnFailure> on_failure;  // empty: the others of a prompt file are drawn, those of the command line not
  bool is_stream = false;               // draw each line of the prompt file when it arrives
  bool resumes = false;                 // leave pictures that are there and of the same job alone
  bool redoes = false;                  // --verify of a folder draws again what is wrong
  std::optional<Shard> shard;           // empty: all items
  VerifyModel verify_model = VerifyModel::kOnce;

  std::optional<std::string> output;         // file, folder, template or "-"; empty: named after prompt and seed
  std::optional<Layout> layout;              // empty: flat, with a prompt file
  std::optional<OnExists> on_exists;         // empty: overwrite what was named, never what was not
  std::optional<std::string> contact_sheet;  // files that show all pictures of the run
  std::optional<std::string> gallery;
  Metadata metadata = Metadata::kWrite;
  int tolerance = 0;  // of --verify, in levels of a channel

  ResultFormat format = ResultFormat::kText;
  Verbosity verbosity = Verbosity::kNormal;
  std::optional<ProgressStyle> progress;  // empty: auto, or none if quiet
  Colour colour = Colour::kAuto;

  [[nodiscard]] bool has_files() const { return !files.empty(); }

  std::vector<std::string> warnings;  // of what may not be meant

  std::optional<Record> record;             // of the picture of --from or --verify, if it has one
  std::optional<foreign::Request> foreign;  // else what another program wrote into the picture of --from
  std::vector<std::string_view> given;      // long names of what the command line says
};

// Later ones win: the configuration file, the environment, the record of --from or --verify, the command line.
// Without any argument the action is kUsage. Throws Error: kUsage, kBadConfig, kMissingInput, kBadData, kIo.
Options read_options(int argc, const char* const* argv);

}  // namespace txt2img::cli

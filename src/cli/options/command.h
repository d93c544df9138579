// What the program is asked to do: one of several things, each with what it needs and nothing else.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "foreign/request.h"
#include "options/column_map.h"
#include "options/prompt_format.h"
#include "screen/choices.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/output_file.h"
#include "txt2img/record.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class ListSubject { kSamplers, kSchedules, kModels, kDevices };
inline constexpr auto kListSubjects = choices<ListSubject>({{ListSubject::kSamplers, "samplers"},
                                                            {ListSubject::kSchedules, "schedules"},
                                                            {ListSubject::kModels, "models"},
                                                            {ListSubject::kDevices, "devices"}});

inline constexpr auto kOnExists = choices<OnExists>({{OnExists::kRename, "rename"},
                                                     {OnExists::kOverwrite, "overwrite"},
                                                     {OnExists::kSkip, "skip"},
                                                     {OnExists::kError, "error"}});
inline constexpr auto kVaeTilings =
    choices<VaeTiling>({{VaeTiling::kAuto, "auto"}, {VaeTiling::kOn, "on"}, {VaeTiling::kOff, "off"}});
inline constexpr auto kVerifyModel = choices<VerifyModel>(
    {{VerifyModel::kAlways, "always"}, {VerifyModel::kOnce, "once"}, {VerifyModel::kNever, "never"}});

// What is done about keys of a prompt file that mean nothing here.
enum class ExtraKeys { kError, kPass };
inline constexpr auto kExtraKeys = choices<ExtraKeys>({{ExtraKeys::kError, "error"}, {ExtraKeys::kPass, "pass"}});

enum class ResultFormat { kText, kJson };
enum class Metadata { kWrite, kOmit };

// How the pictures in a folder are called: by number and prompt, or as an evaluator wants them.
enum class Layout { kFlat, kGeneval, kT2iCompbench };
inline constexpr auto kLayouts =
    choices<Layout>({{Layout::kFlat, "flat"}, {Layout::kGeneval, "geneval"}, {Layout::kT2iCompbench, "t2i-compbench"}});

// Item i of a run belongs to shard i mod count.
struct Shard {
  std::size_t number = 0;
  std::size_t count = 1;
};

// What happens to the other pictures of a run when one cannot be drawn.
enum class OnFailure { kStop, kGoOn };

inline constexpr int kBatchMax = 256;

// Where prompts come from, and how they are read.
struct PromptSource {
  std::vector<std::string> prompts;            // "-" is standard input
  std::vector<std::string> files;              // of prompts, in this order, instead of these; "-" is standard input
  std::optional<PromptFormat> format_of_file;  // empty: the names of the files tell
  ExtraKeys extra_keys = ExtraKeys::kError;
  std::vector<ColumnRule> columns;  // where other columns of the prompt files are read than those of the keys' names

  [[nodiscard]] bool has_files() const { return !files.empty(); }
};

// The picture that a run starts from, and what is said besides.
struct Origin {
  std::optional<Record> record;               // of the picture of --from or --verify, if it has one
  std::optional<std::filesystem::path> from;  // the picture of --from
  std::optional<foreign::Request> foreign;    // what another program wrote into it, if there is no record
  std::vector<std::string_view> given;        // long names of what the command line says
};

// Where pictures go.
struct Target {
  std::optional<std::string> output;  // file, folder, template or "-"; empty: named after prompt and seed
  std::optional<Layout> layout;       // empty: flat, with a prompt file
  std::optional<OnExists> on_exists;  // empty: overwrite what was named, never what was not
  Metadata metadata = Metadata::kWrite;
};

// How pictures are drawn.
struct Drawing {
  EngineOptions engine;
  std::vector<std::string> devices;  // draw at once, of one kind; "all": every CUDA device; empty: engine.device
  int batch_size = 1;                // pictures in one call of the UNet
  // Empty only until it is known where prompts come from: the others of a file are drawn, those of the command line
  // not.
  std::optional<OnFailure> on_failure;
};

// How a person or a program is told.
struct Voice {
  ResultFormat format = ResultFormat::kText;
  Verbosity verbosity = Verbosity::kNormal;
  std::optional<ProgressStyle> progress;  // empty: auto, or none if quiet
};

// What is done with the pictures of a run. kRedo looks for each of them, as kVerify does, and draws what is wrong.
enum class Purpose { kDraw, kDryRun, kStream, kVerify, kRedo };

struct RunOptions {
  Purpose purpose = Purpose::kDraw;
  PromptSource source;
  Origin origin;
  Request request;    // all but the prompt
  std::string model;  // a path or a name; empty: the bundled model
  VerifyModel verify_model = VerifyModel::kOnce;
  Drawing drawing;
  Target target;
  Voice voice;
  bool resumes = false;        // leave pictures that are there and of the same job alone
  std::optional<Shard> shard;  // empty: all items

  [[nodiscard]] bool verifies() const { return purpose == Purpose::kVerify || purpose == Purpose::kRedo; }
};

// Files that show all pictures of a run.
struct Overviews {
  std::optional<std::string> contact_sheet;
  std::optional<std::string> gallery;
};

struct DrawPictures {
  RunOptions run;
  Overviews overviews;
};

struct ShowPlan {
  RunOptions run;
  Overviews overviews;
};

// Draws each line of standard input when it arrives.
struct DrawStream {
  RunOptions run;
};

struct VerifyPicture {
  RunOptions run;
  std::string picture;
  int tolerance = 0;  // in levels of a channel
};

struct VerifyTree {
  RunOptions run;
  std::string folder;
};

struct ShowRecord {
  std::string picture;
  ResultFormat format{};
};

struct ListChoices {
  ListSubject subject{};
  Request request;  // which levels of a schedule are listed
  std::string model;
  ResultFormat format{};
};

struct CheckModel {
  std::string model;  // a path or a name
  EngineOptions engine;
  ResultFormat format{};
};

struct PrintHelp {};
struct PrintVersion {};
struct ExplainUsage {};  // without any argument

using Command = std::variant<DrawPictures, ShowPlan, DrawStream, VerifyPicture, VerifyTree, ShowRecord, ListChoices,
                             CheckModel, PrintHelp, PrintVersion, ExplainUsage>;

// The run of a command, null if it has none.
RunOptions* run_of(Command& command);

// A command and how it is talked about.
struct Asked {
  Command command;
  Verbosity verbosity = Verbosity::kNormal;
  Colour colour = Colour::kAuto;
  std::vector<std::string> warnings{};  // of what may not be meant
};

// Later ones win: the configuration file, the environment, the record of --from or --verify, the command line.
// Throws Error: kUsage, kBadConfig, kMissingInput, kBadData, kIo.
Asked read_command(int argc, const char* const* argv);

}  // namespace txt2img::cli

// What the options say, each by itself: those of the configuration file, the environment and the command line are set
// here one after the other, before it is known what is done with them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/column_map.h"
#include "options/command.h"
#include "options/prompt_format.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/output_file.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class Action { kDraw, kDryRun, kVerify, kShow, kList, kCheck, kHelp, kVersion };

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
};

}  // namespace txt2img::cli

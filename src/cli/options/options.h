// What the options say, each by itself: those of the configuration file, the environment and the command line are set
// here one after the other, before it is known what is done with them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img::cli {

enum class Action { kDraw, kDryRun, kVerify, kShow, kList, kCheck, kHelp, kVersion };

// The groups are handed over to the commands as they are.
struct Options : PromptSource, Drawing, Target, Overviews, Voice {
  Action action = Action::kDraw;
  ListSubject list{};
  std::string subject;                        // the picture of --verify and --show, the bundle of --check
  std::optional<std::filesystem::path> from;  // the picture of --from

  Request request;             // all but the prompt
  std::string model;           // a path or a name; empty: the bundled model
  bool is_stream = false;      // draw each line of the prompt file when it arrives
  bool resumes = false;        // leave pictures that are there and of the same job alone
  bool redoes = false;         // --verify of a folder draws again what is wrong
  std::optional<Shard> shard;  // empty: all items
  VerifyModel verify_model = VerifyModel::kOnce;
  int tolerance = 0;  // of --verify, in levels of a channel
  Colour colour = Colour::kAuto;
};

}  // namespace txt2img::cli

// How far the run is, in one of several styles on standard error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/console.h"
#include "cli/options.h"

namespace txt2img::cli {

// Pictures first ... last of `total`, counted from 1, that are drawn at once.
struct BatchStart {
  std::size_t first = 1;
  std::size_t last = 1;
  std::size_t total = 1;
  std::string prompt;  // of the first
};

struct PictureEnd {
  std::size_t number = 1;
  std::size_t total = 1;
  std::string prompt;
  std::filesystem::path path;  // empty: standard output
  std::uint64_t seed = 0;
  double seconds = 0;
};

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void start_loading(const std::string& model) = 0;
  virtual void start(const BatchStart& batch) = 0;
  virtual void step(int done, int steps) = 0;
  virtual void finish(const PictureEnd& picture) = 0;
  virtual void skip(const PictureEnd& picture) = 0;
  virtual void end(const std::string& summary) = 0;
};

// kAuto is kBar on a terminal, else kPlain; quiet is kNone unless a style was asked for.
std::unique_ptr<Progress> make_progress(const Options& options, Console& console);

}  // namespace txt2img::cli

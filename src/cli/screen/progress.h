// How far the run is, in one of several styles on standard error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "screen/choices.h"
#include "screen/console.h"

namespace txt2img::cli {

enum class ProgressStyle { kAuto, kBar, kPlain, kJson, kNone };
inline constexpr auto kProgressStyles = choices<ProgressStyle>({{ProgressStyle::kAuto, "auto"},
                                                                {ProgressStyle::kBar, "bar"},
                                                                {ProgressStyle::kPlain, "plain"},
                                                                {ProgressStyle::kJson, "json"},
                                                                {ProgressStyle::kNone, "none"}});

// In seconds.
struct Times {
  double elapsed = 0;
  double remaining = -1;  // of the whole run, below 0 if unknown
};

struct Counts {
  std::size_t done = 0;
  std::size_t skipped = 0;
  std::size_t failed = 0;
};

// Pictures first ... last of `total`, counted from 1, that are drawn at once on one device.
struct BatchStart {
  std::size_t device = 0;  // which of those that draw
  std::size_t first = 1;
  std::size_t last = 1;
  std::size_t total = 1;  // 0: unknown
  std::string prompt;     // of the first
  Times times{};
};

struct PictureEnd {
  std::size_t number = 1;
  std::size_t total = 1;
  std::string prompt;
  std::filesystem::path path;  // empty: standard output
  std::uint64_t seed = 0;
  double seconds = 0;
  Times times{};
};

struct RunEnd {
  Counts counts;
  double seconds = 0;
  std::string text;  // all of it, for people
};

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void start_loading(const std::string& model, std::uint64_t bytes) = 0;  // of its files
  virtual void start(const BatchStart& batch) = 0;
  virtual void step(const BatchStart& batch, int done, int steps) = 0;
  virtual void finish(const PictureEnd& picture) = 0;
  virtual void skip(const PictureEnd& picture) = 0;
  virtual void fail(const PictureEnd& picture, const std::string& error) = 0;
  virtual void end(const RunEnd& run) = 0;
};

// kAuto is kBar on a terminal, else kPlain; quiet is kNone unless a style was asked for. Never kAuto.
ProgressStyle choose_style(std::optional<ProgressStyle> asked, Verbosity verbosity, bool is_terminal);

// Whether pictures that are skipped are told one by one, or counted at the end of the run.
enum class Skipped { kOneByOne, kCounted };

std::unique_ptr<Progress> make_progress(ProgressStyle style, Skipped skipped, Console& console);

}  // namespace txt2img::cli

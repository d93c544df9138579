// What is said to people, on standard error.
#pragma once

#include <exception>
#include <mutex>
#include <string>
#include <string_view>

#include "txt2img/error.h"

namespace txt2img::cli {

enum class Verbosity { kQuiet, kNormal, kVerbose };
enum class Colour { kAuto, kNever };

// Threads may speak at once: their lines do not mix.
class Console {
 public:
  Console(Verbosity verbosity, Colour colour);

  // Lines of text, which are escaped. Notes are for -v only; warnings and remarks go with -q, errors do not.
  void note(const std::string& text);
  void remark(const std::string& text);
  void warning(const std::string& text);
  void error(const Error& error);

  // A line that is neither escaped nor marked: JSON of --progress.
  void raw_line(const std::string& text);

  // The line at the bottom of a terminal that the next one replaces, without a line break.
  void status(const std::string& text);
  void clear_status();

  // The same, and nothing is said until the lock goes: what shares the terminal has a line to itself.
  [[nodiscard]] std::unique_lock<std::mutex> without_status();

 private:
  void line(std::string_view mark, std::string_view colour, const std::string& text);

  Verbosity verbosity_;
  bool is_coloured_;
  std::mutex mutex_;
  bool has_status_ = false;
};

}  // namespace txt2img::cli

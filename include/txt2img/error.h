// The one failure type of the library, which carries the exit code of the program.
#pragma once

#include <stdexcept>
#include <string>

#include "txt2img/export.h"

namespace txt2img {

// Exit codes of the program (sysexits.h where it has one).
enum class ExitCode : int {
  kDone = 0,
  kSomeFailed = 1,     // some items failed, or a verification differed
  kUsage = 64,         // the command line is wrong
  kBadData = 65,       // a prompt file, bundle or picture is wrong
  kMissingInput = 66,  // a file or folder that was named is not there
  kUnavailable = 69,   // the device is missing or out of memory
  kInternal = 70,      // NaN, or a bug
  kCannotCreate = 73,  // an output file cannot be made
  kIo = 74,            // reading or writing failed
  kBadConfig = 78,     // a configuration file or environment variable is wrong
  kInterrupted = 130,  // SIGINT
  kTerminated = 143,   // SIGTERM
};

// The message is one line: what, where, and what to do. `detail` is for `-v` only (a C++ backtrace, say).
class TXT2IMG_API Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string detail = {});
  ~Error() override;

  [[nodiscard]] ExitCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

 private:
  ExitCode code_;
  std::string detail_;
};

}  // namespace txt2img

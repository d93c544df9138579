// What is handed to other programs, on standard output.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "screen/console.h"

namespace txt2img::cli {

// Every function throws Error(kIo) if standard output is closed or full.
class StandardOutput {
 public:
  explicit StandardOutput(Console& console) : console_(&console) {}

  // Before long work: that there is a standard output at all.
  static void check();

  // Text of our own, or of a file where it goes to a program: as it is. On a terminal it is escaped.
  void line(std::string_view text);

  void text(std::string_view text);
  static void bytes(std::span<const std::uint8_t> bytes);

 private:
  Console* console_;  // its status line makes room
};

}  // namespace txt2img::cli

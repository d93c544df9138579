#include "screen/console.h"

#include "screen/display_width.h"
#include "screen/terminal.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kEraseLine = "\r\x1b[K";

// Whoever closed standard error does not want to be told.
void write_error_stream(const std::string& text) { write_all(Stream::kError, text.data(), text.size()); }

}  // namespace

Console::Console(Verbosity verbosity, Colour colour)
    : verbosity_(verbosity),
      is_coloured_(colour == Colour::kAuto && !forbids_colour() && is_terminal(Stream::kError)) {}

void Console::note(const std::string& text) {
  if (verbosity_ == Verbosity::kVerbose) line("", "", text);
}

void Console::remark(const std::string& text) {
  if (verbosity_ != Verbosity::kQuiet) line("", "", text);
}

void Console::warning(const std::string& text) {
  if (verbosity_ != Verbosity::kQuiet) line("warning: ", kYellow, shorten(text));
}

void Console::error(const Error& error) {
  const bool is_interrupt = error.code() == ExitCode::kInterrupted || error.code() == ExitCode::kTerminated;
  line(is_interrupt ? "" : "error: ", kRed, shorten(error.what()));
  if (verbosity_ == Verbosity::kVerbose && !error.detail().empty()) line("", "", error.detail());
}

void Console::raw_line(const std::string& text) {
  const std::unique_lock lock = without_status();
  write_error_stream(text + '\n');
}

void Console::status(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  has_status_ = true;
  write_error_stream(std::string(kEraseLine) + text);
}

void Console::clear_status() { const std::unique_lock lock = without_status(); }

std::unique_lock<std::mutex> Console::without_status() {
  std::unique_lock lock(mutex_);
  if (has_status_) write_error_stream(std::string(kEraseLine));
  has_status_ = false;
  return lock;
}

void Console::line(std::string_view mark, std::string_view colour, const std::string& text) {
  std::string shown = "txt2img: ";
  if (is_coloured_ && !mark.empty())
    shown += std::string(colour) + std::string(mark) + std::string(kPlain);
  else
    shown += mark;
  raw_line(shown + escape_for_terminal(text));
}

}  // namespace txt2img::cli

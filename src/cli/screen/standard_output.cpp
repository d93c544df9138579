#include "screen/standard_output.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>

#include "screen/terminal.h"
#include "txt2img/error.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

void write_output(const void* data, std::size_t size) {
  if (write_all(Stream::kOutput, data, size)) return;
  const std::string reason = errno == EBADF ? "it is closed" : std::strerror(errno);
  throw Error(ExitCode::kIo, "cannot write to standard output: " + reason);
}

}  // namespace

void StandardOutput::check() {
  const int flags = fcntl(static_cast<int>(Stream::kOutput), F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    throw Error(ExitCode::kIo, "cannot write to standard output: it is closed");
}

void StandardOutput::line(std::string_view text) {
  this->text((is_terminal(Stream::kOutput) ? escape_for_terminal(text) : std::string(text)) + '\n');
}

void StandardOutput::text(std::string_view text) {
  // A reader that is slow holds up nobody else; only on a terminal would a status line come in between.
  std::unique_lock lock = console_->without_status();
  if (!is_terminal(Stream::kOutput)) lock.unlock();
  write_output(text.data(), text.size());
}

void StandardOutput::bytes(std::span<const std::uint8_t> bytes) { write_output(bytes.data(), bytes.size()); }

}  // namespace txt2img::cli

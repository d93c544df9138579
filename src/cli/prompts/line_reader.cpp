#include "prompts/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "screen/signals.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;
constexpr int kPatience = 200;  // milliseconds between looks at the signals
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string name_of(const std::string& file) { return file == "-" ? "standard input" : file; }

Error cannot_read(const std::string& file, int error_number) {
  const ExitCode code = error_number == ENOENT ? ExitCode::kMissingInput : ExitCode::kIo;
  return {code, name_of(file) + ": the prompts cannot be read: " + std::strerror(error_number)};
}

int open_file(const std::string& file) {
  if (file == "-") return STDIN_FILENO;
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw cannot_read(file, errno);
  return descriptor;
}

// read() goes on after a signal; a program that waits for its next line has to see one.
void wait_for_input(int descriptor) {
  pollfd input{.fd = descriptor, .events = POLLIN, .revents = 0};
  while (::poll(&input, 1, kPatience) <= 0) {
    if (stop_signal() != 0) throw Error(stopped_code(), "interrupted");
  }
}

}  // namespace

LineReader::LineReader(const std::string& file, std::size_t line_max)
    : file_(file), descriptor_(open_file(file)), line_max_(line_max) {}

LineReader::~LineReader() {
  if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
}

// False at the end.
bool LineReader::fill() {
  buffer_.erase(0, std::exchange(at_, 0));
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kPiece);
  ssize_t size = -1;
  do {
    wait_for_input(descriptor_);
    size = ::read(descriptor_, buffer_.data() + old_size, kPiece);
  } while (size < 0 && (errno == EINTR || errno == EAGAIN));
  if (size < 0) throw cannot_read(file_, errno);
  buffer_.resize(old_size + static_cast<std::size_t>(size));
  return size > 0;
}

// What the buffer has up to `end` belongs to the line, as far as it may grow.
void LineReader::take(Line& line, std::size_t end) {
  const std::size_t room = line_max_ + 1 - std::min(line.text.size(), line_max_ + 1);
  line.text.append(buffer_, at_, std::min(end - at_, room));
  at_ = end;
}

std::optional<Line> LineReader::next() {
  Line line;
  bool is_anything = false;
  for (;;) {
    if (at_ == buffer_.size() && !fill()) break;
    is_anything = true;
    const std::size_t end = buffer_.find('\n', at_);
    take(line, std::min(end, buffer_.size()));
    if (end == std::string::npos) continue;
    ++at_;
    break;
  }
  if (!is_anything) return std::nullopt;
  if (line.text.ends_with('\r')) line.text.pop_back();
  line.number = ++number_;
  line.is_too_long = line.text.size() > line_max_;
  if (line.text.starts_with(kByteOrderMark)) line.text.erase(0, kByteOrderMark.size());
  return line;
}

}  // namespace txt2img::cli

// The lines of a text from outside, one by one as they arrive.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace txt2img::cli {

inline constexpr std::size_t kLineMax = std::size_t{1} << 20;  // bytes

struct Line {
  std::size_t number = 1;
  std::string text;          // without its line break; CRLF is one too
  bool is_too_long = false;  // more bytes than the reader takes; `text` is its start
};

// Any size of file takes the memory of one line. A byte order mark at the start of a line is left out: where files were
// put one after the other it is not only in the first.
class LineReader {
 public:
  // "-" is standard input. Throws Error: kMissingInput, kIo.
  explicit LineReader(const std::string& file, std::size_t line_max = kLineMax);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line, or nothing at the end. Throws Error(kIo), and kInterrupted if a signal asked to stop meanwhile.
  std::optional<Line> next();

  [[nodiscard]] std::size_t number() const { return number_; }  // of the last line

 private:
  bool fill();
  void take(Line& line, std::size_t end);

  std::string file_;
  int descriptor_;
  std::size_t line_max_;
  std::string buffer_;
  std::size_t at_ = 0;  // in the buffer
  std::size_t number_ = 0;
};

}  // namespace txt2img::cli

// The lines of a text file; those of one request as AUTOMATIC1111 writes it (foreign/infotext.h) come together.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

#include "prompts/line_reader.h"

namespace txt2img::cli {

inline constexpr std::size_t kBlockMax = 1000;  // lines

// Of a text file, a line that is left out: "# ..." or "//...".
bool is_comment(std::string_view line);

class TextBlocks {
 public:
  // Looks at the reader, which has to live on.
  explicit TextBlocks(LineReader& lines) : lines_(&lines) {}

  // A line, or the lines of one request with line breaks between them; without blank lines, which separate requests.
  // Comments come by themselves, before the lines that they stand among.
  // Holds one such paragraph at a time, of at most kBlockMax lines; beyond that lines come one by one. Throws as
  // LineReader does.
  std::optional<Line> next();

 private:
  enum class Kind { kPlain, kNegative, kEnd };
  struct Entry {
    Line line;
    Kind kind{};
  };

  void fill();
  [[nodiscard]] std::size_t size_of_block() const;
  Line take(std::size_t count);

  LineReader* lines_;
  std::deque<Line> comments_;
  std::deque<Entry> paragraph_;
  bool is_complete_ = true;  // the paragraph, at its end
  bool is_whole_ = true;     // with its beginning
};

}  // namespace txt2img::cli

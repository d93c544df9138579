// The words of a line, as a shell would read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli {

struct Word {
  std::string text;
  bool is_quoted = false;  // begins with a quote: it is no switch

  bool operator==(const Word&) const = default;
};

// Blanks between them; quotes of both kinds; a backslash before a quote or a backslash. The apostrophe of "it's" is
// none. Throws Error(kBadData) for a quote that is not closed.
std::vector<Word> split_words(std::string_view line);

// Where the quoted text that `line` begins with ends, behind its closing quote; 0 if it begins with none.
std::size_t end_of_quoted(std::string_view line);

}  // namespace txt2img::cli

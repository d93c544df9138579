// How wide the characters of a text are on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace txt2img::cli {

// Columns of a terminal that the text takes: 2 for wide characters (CJK, emoji), 0 for combining ones.
std::size_t display_width(std::string_view text);

// The start of the text that fits into that many columns, with "..." at its end if something had to go.
std::string fit_to_width(std::string_view text, std::size_t columns);

// The start and the end of a text that is too long for a message, and how much is left out between them.
std::string shorten(std::string_view text);

}  // namespace txt2img::cli

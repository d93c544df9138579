// The cells of a line of a table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli {

// Tabs between them, no quoting: a quote is a character like others.
std::vector<std::string> split_tsv(std::string_view line);

// RFC 4180: commas between them; a cell in quotes may hold commas, line breaks and doubled quotes.
// Throws Error(kBadData) for a quote at a wrong place.
std::vector<std::string> split_csv(std::string_view record);

// Whether the text ends within a quoted cell: the record goes on in the next line.
bool has_open_quote(std::string_view text);

}  // namespace txt2img::cli

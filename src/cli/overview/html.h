// Text and file names from outside, made fit to stand in HTML.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace txt2img::cli {

// Fit for the text of an element and for an attribute in double quotes. Line breaks and tabs stay; other control
// characters, those that reverse or hide text and bytes that are not UTF-8 become \x1b, \u202e and the like.
std::string escape_html(std::string_view text);

// A URL of `file` that is relative to the folder of `page`: it holds as long as the two keep their places to each
// other. Every byte but letters, digits and - . _ ~ / is written as %XX.
std::string relative_url(const std::filesystem::path& file, const std::filesystem::path& page);

}  // namespace txt2img::cli

// JSON that other programs put into pictures.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace txt2img::cli::foreign {

// Nothing unless it is an object. Python's NaN and Infinity, which JSON does not have, become null.
std::optional<nlohmann::json> parse_metadata(std::string_view text);

// A value as a person would write it: texts without quotes, of lists and objects the texts and numbers in them.
std::string words_of(const nlohmann::json& value);

}  // namespace txt2img::cli::foreign

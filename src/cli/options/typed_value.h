// Values of JSON and TOML, which have types, as the text that the command line would have.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "options/option_table.h"

namespace txt2img::cli {

// Nothing if the value is of another type. A list is a size, a place or numbers.
std::optional<std::string> text_of(ValueKind kind, const nlohmann::json& value);

// "a whole number": the type that it must be of.
std::string_view expected(ValueKind kind);

}  // namespace txt2img::cli

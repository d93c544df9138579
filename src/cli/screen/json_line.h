// JSON for other programs: one object, one line.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace txt2img::cli {

// Without spaces or a line break; what is not UTF-8 (a file's name) becomes U+FFFD.
std::string json_line(const nlohmann::ordered_json& value);

}  // namespace txt2img::cli

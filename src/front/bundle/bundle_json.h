// What model.json says, as a Bundle.
#pragma once

#include <string_view>

#include "txt2img/bundle.h"
#include "txt2img/json.h"

namespace txt2img {

// Everything but Bundle::folder and Bundle::sha256. Looks at no file.
// Throws Error(kBadData) for what breaks a rule of models/README.md.
Bundle parse_bundle(std::string_view text, const JsonSource& source);

// "float32", "bfloat16" or "float16".
Precision get_precision(const JsonObject& object, std::string_view key);

}  // namespace txt2img

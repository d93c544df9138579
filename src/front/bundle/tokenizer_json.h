// The tokenizers of a bundle as model.json describes them.
#pragma once

#include <string_view>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/json.h"

namespace txt2img {

// One or two, of one length. Throws Error(kBadData).
std::vector<TokenizerSpec> get_tokenizers(const JsonObject& root, std::string_view key, const Bundle& bundle);

}  // namespace txt2img

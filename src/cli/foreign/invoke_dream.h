// Pictures of InvokeAI before version 3, and of its predecessors: the texts "sd-metadata" and "Dream".
#pragma once

#include <optional>
#include <string_view>

#include "foreign/request.h"

namespace txt2img::cli::foreign {

// Either text may be empty. Nothing if neither can be read.
std::optional<Request> read_invoke_dream(std::string_view metadata, std::string_view dream);

}  // namespace txt2img::cli::foreign

// The text that AUTOMATIC1111's web UI and many others write of a picture: the prompt, "Negative prompt: ..." and a
// last line "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, ...".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "foreign/request.h"

namespace txt2img::cli::foreign {

// A line of settings, as no prompt begins: "Steps: 20, ..." or three of the names that such lines have.
bool is_infotext_end(std::string_view line);

// "Negative prompt: ..."
bool is_negative_line(std::string_view line);

// Nothing if there is neither a line of settings at its end nor a negative prompt.
std::optional<Request> parse_infotext(std::string_view text);

}  // namespace txt2img::cli::foreign

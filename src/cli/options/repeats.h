// Options that the command line gives twice, with different values.
#pragma once

#include <string>
#include <vector>

#include "options/option_table.h"

namespace txt2img::cli {

// Prompts, prompt files and columns add up. What else says what is drawn, from what and where to could be meant to,
// too: throws Error(kUsage) for two seeds, models, outputs, pictures to look at. Of all others the last one counts, as
// elsewhere, so that an alias of a shell may have defaults; returns a sentence about each value that does not.
std::vector<std::string> check_repeats(const std::vector<Assignment>& flags);

}  // namespace txt2img::cli

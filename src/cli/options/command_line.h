// What the command line says, option by option.
#pragma once

#include <string>
#include <vector>

#include "options/option_table.h"

namespace txt2img::cli {

// In the order of the words; a prompt without an option before it is a --prompt. Throws Error(kUsage): an option that
// there is not, with what may be meant, or one without its value.
std::vector<Assignment> parse_command_line(int argc, const char* const* argv);

// Of these, the prompts that no option stands in front of.
std::vector<std::string> bare_prompts(const std::vector<Assignment>& flags);

}  // namespace txt2img::cli

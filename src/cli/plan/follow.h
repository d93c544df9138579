// Settings of another program, taken over as far as the model can draw with them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/request.h"
#include "options/command.h"
#include "screen/console.h"
#include "txt2img/bundle.h"

namespace txt2img::cli {

// Changes `asked`. What the command line gave, `given`, stays. Returns what is not followed, a sentence each.
std::vector<std::string> follow(const foreign::Request& request, std::span<const std::string_view> given,
                                const Bundle& bundle, Request& asked);

// "drawn as far as the settings of AUTOMATIC1111 v1.9.4 are known here; not followed: Model v1-5"
std::string introduction(const foreign::Request& request);

// A run whose prompts and settings are texts of other programs: of the picture of --from, or a prompt that is pasted
// with its settings. Reads a prompt from standard input, and warns of what is not followed. Throws Error.
void take_over_foreign_texts(RunOptions& options, Console& console);

}  // namespace txt2img::cli

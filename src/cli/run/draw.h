// A run: pictures are planned, drawn and written one by one.
#pragma once

#include "options/options.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

struct Plan;

// Pictures that are found under other names get theirs first; their jobs become kSkipped.
ExitCode draw_plan(Plan& plan, const Options& options, Console& console);
ExitCode draw_pictures(const Options& options, Console& console);
ExitCode show_plan(const Options& options, Console& console);

}  // namespace txt2img::cli

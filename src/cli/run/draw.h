// A run: pictures are planned, drawn and written one by one.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

struct Plan;

// Pictures that are found under other names get theirs first; their jobs become kSkipped.
ExitCode draw_plan(Plan& plan, const RunOptions& options, const Overviews& overviews, Console& console);
ExitCode draw_pictures(const DrawPictures& command, Console& console);
ExitCode show_plan(const ShowPlan& command, Console& console);

}  // namespace txt2img::cli

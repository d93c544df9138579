// What --help, --version and a call without arguments say.
#pragma once

#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

ExitCode print_help(Console& console);
ExitCode print_version(Console& console);

// Two examples, on standard error: kUsage.
ExitCode explain_usage(Console& console);

}  // namespace txt2img::cli

// --check: whether a model folder is whole and draws.
#pragma once

#include "cli/console.h"
#include "cli/options.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// Prints a line for each thing that was tried. Throws Error(kBadData) at the first that fails.
ExitCode check_model(const Options& options, Console& console);

}  // namespace txt2img::cli

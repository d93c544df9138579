// --show: the record of a picture, for people or as it is.
#pragma once

#include "options/options.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

ExitCode show_record(const Options& options, Console& console);

}  // namespace txt2img::cli

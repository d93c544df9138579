// --show: the record of a picture, for people or as it is.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

ExitCode show_record(const ShowRecord& command, Console& console);

}  // namespace txt2img::cli

// --stream: lines of standard input are drawn as they arrive.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// A JSON record for each picture and for each line that cannot be drawn, as soon as it is known. kSomeFailed if there
// was such a line.
ExitCode draw_stream(const DrawStream& command, Console& console);

}  // namespace txt2img::cli

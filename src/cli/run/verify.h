// --verify: draws a picture again and compares the pixels.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// kDone if no channel differs by more than the tolerance, else kSomeFailed.
ExitCode verify_picture(const VerifyPicture& command, Console& console);

}  // namespace txt2img::cli

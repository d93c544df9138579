// --verify DIR --file FILE: whether the pictures of a prompt file are all there.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// Lists what is missing, damaged or of another job; with --redo draws it again. kDone if nothing is wrong (any more),
// else kSomeFailed.
ExitCode verify_tree(const VerifyTree& command, Console& console);

}  // namespace txt2img::cli

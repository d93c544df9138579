// --check: whether a model folder is whole and draws.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// Prints a line for each thing that was tried: the manifest, each file, the tokenizers, each module alone, a picture of
// one step. What does not depend on something that failed is tried too. Throws what failed first.
ExitCode check_model(const CheckModel& command, Console& console);

}  // namespace txt2img::cli

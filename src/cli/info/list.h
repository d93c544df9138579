// --list: what there is to choose from.
#pragma once

#include "options/command.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

ExitCode list_choices(const ListChoices& command, Console& console);

}  // namespace txt2img::cli

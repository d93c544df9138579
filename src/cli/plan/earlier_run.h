// What an earlier start of a run has left under its names.
#pragma once

#include "options/command.h"
#include "plan/plan.h"
#include "screen/console.h"

namespace txt2img::cli {

// Whether the names of the run must be free but for that.
bool looks_back(const RunOptions& options, const Plan& plan);

// Finds the state of each job and the pictures that have moved, and removes what dead processes have left. Throws
// Error(kCannotCreate) where a name of the run is that of another file, kIo.
void find_earlier(Plan& plan, const RunOptions& options, Console& console);

}  // namespace txt2img::cli

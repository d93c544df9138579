// Makes the plan of a run: all is settled and checked before anything heavy is loaded.
#pragma once

#include "options/command.h"
#include "plan/plan.h"
#include "screen/console.h"

namespace txt2img::cli {

// Says on the console what is odd but not wrong: text that does not fit, another model than the record's; and all that
// is wrong with a prompt file. Throws Error for everything that can be known to fail.
Plan make_plan(const RunOptions& options, Console& console);

// Of a stream: all but items, styles and jobs, which come one by one.
Plan make_empty_plan(const RunOptions& options, Console& console);

}  // namespace txt2img::cli

// Which options go with which.
#pragma once

#include "options/options.h"

namespace txt2img::cli {

// Throws Error(kUsage) for what does not go together, or lacks what it goes with.
void check_rules(const Options& options);

}  // namespace txt2img::cli

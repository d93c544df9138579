// Loads the model, on each device that draws.
#pragma once

#include <memory>
#include <vector>

#include "options/command.h"
#include "run/reporter.h"
#include "screen/console.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"

namespace txt2img::cli {

// From here on a signal asks to stop. Throws Error: kUnavailable, kBadData, kIo.
std::vector<std::unique_ptr<Engine>> open_engines(const RunOptions& options, const Bundle& bundle, Console& console,
                                                  Reporter& reporter);

}  // namespace txt2img::cli

// The `scheduler` object of model.json.
#pragma once

#include "json.h"
#include "txt2img/bundle.h"

namespace txt2img {

// Throws Error(kBadData) for what breaks a rule of models/README.md.
SchedulerConfig parse_scheduler(const JsonObject& object);

}  // namespace txt2img

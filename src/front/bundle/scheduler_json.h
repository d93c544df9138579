// The `scheduler` object of model.json.
#pragma once

#include "txt2img/bundle.h"
#include "txt2img/json.h"

namespace txt2img {

// Throws Error(kBadData) for what breaks a rule of models/README.md.
SchedulerConfig parse_scheduler(const JsonObject& object);

}  // namespace txt2img

// Sampler options as keys of a JSON object: of a record, and of a bundle's defaults.
#pragma once

#include "txt2img/json.h"
#include "txt2img/sampler_options.h"

namespace txt2img {

// One that is there. Throws Error(kBadData) for a wrong type or value.
void read_sampler_option(const JsonObject& object, const SamplerOptionInfo& row, SamplerOptions& options);

// Those that are there; other keys are the caller's. Throws Error(kBadData) for a wrong type or value.
SamplerOptions parse_sampler_options(const JsonObject& object);

}  // namespace txt2img

// How the sampler of each kind is made, which stands beside its class; make_sampler() chooses.
#pragma once

#include <memory>

#include "sampler/sampler.h"

namespace txt2img {

using SamplerPtr = std::unique_ptr<Sampler>;

struct Recipe {
  const SamplerOptions& options;  // solver_order is never 0 where the sampler takes it
  const SchedulerConfig& config;
};

// Specialised for each kind, defined for none: a kind without a class does not link.
template <SamplerKind kind>
SamplerPtr make(const Recipe& recipe);

}  // namespace txt2img

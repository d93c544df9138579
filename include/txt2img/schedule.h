// Which noise levels a run visits.
#pragma once

#include <vector>

#include "txt2img/export.h"
#include "txt2img/names.h"
#include "txt2img/noise_schedule.h"

namespace txt2img {

// One step of a run. steps[i].to is not always steps[i+1].from: DDIM of the reference steps by T/N timesteps whatever
// the spacing.
struct Step {
  NoiseLevel from;
  NoiseLevel to;
  int index = 0;
  int count = 1;  // of the run

  [[nodiscard]] bool is_last() const { return index + 1 == count; }
};

struct Trajectory {
  std::vector<Step> steps;
  double init_scale = 1;  // the run starts at x = init_scale * noise
};

// Levels of a run in the way of the sampler's family in the reference (diffusers-like "linspace" means another grid for
// DDIM and Euler than for DPM++). Throws Error(kUsage) for combinations that make no sense.
TXT2IMG_API Trajectory plan_trajectory(const NoiseSchedule& noise, const SchedulerConfig& config, SamplerKind sampler,
                                       ScheduleKind schedule, int steps);

}  // namespace txt2img

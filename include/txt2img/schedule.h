// Which noise levels a run visits.
#pragma once

#include <vector>

#include "txt2img/export.h"
#include "txt2img/names.h"
#include "txt2img/noise_schedule.h"
#include "txt2img/sampler_options.h"

namespace txt2img {

// One step of a run. steps[i].to is not always steps[i+1].from: DDIM of the reference steps by T/N timesteps whatever
// the spacing.
struct Step {
  NoiseLevel from;
  NoiseLevel to;
  int index = 0;
  int count = 1;  // of the run
  // Of the step before it, which it goes on with (pndm): no run starts here.
  bool is_further_call = false;
  NoiseLevel mid{};  // dpm2, dpm2_a, dpmpp_sde: of the second stage; tcd: where it jumps to before it adds noise

  [[nodiscard]] bool is_last() const { return index + 1 == count; }
};

struct Trajectory {
  std::vector<Step> steps;
  double init_scale = 1;   // the run starts at x = init_scale * noise
  double final_scale = 1;  // the latent is final_scale * x
};

// Levels of a run in the way of the sampler's family in the reference (diffusers' "linspace" means another grid for
// DDIM and Euler than for DPM++). With a list of sigmas or timesteps in the options, `steps` is their number and the
// schedule is kModel. Throws Error(kUsage) for combinations that make no sense.
TXT2IMG_API Trajectory plan_trajectory(const NoiseSchedule& noise, const SchedulerConfig& config, SamplerKind sampler,
                                       ScheduleKind schedule, int steps, const SamplerOptions& options = {});

// Steps that the lists ask for: as many as timesteps, one less than sigmas; 0 without a list.
TXT2IMG_API int listed_steps(const SamplerOptions& options);

}  // namespace txt2img

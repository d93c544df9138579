// The timesteps of a run, as integers of the training table or between them.
#pragma once

#include <vector>

#include "txt2img/scheduler_config.h"

namespace txt2img {

// The reference has three conventions for the same names of spacings.
enum class GridFamily {
  kDiffusion,  // DDPM, DDIM, PNDM: integers of the training table
  kSigma,      // Euler and the others of k-diffusion: may be fractional
  kSolver,     // DPM++, DEIS, UniPC: integers, one more point than steps, the last one dropped
};

// i-th of n points from `first` to `last` in double; a single point is `first`, as in numpy.
double linspace_at(double first, double last, int n, int i);

// `steps` timesteps, falling. Throws Error(kUsage) if leading spacing has no room for them.
std::vector<double> spaced_timesteps(GridFamily family, Spacing spacing, const SchedulerConfig& config, int steps);

// As ComfyUI and AUTOMATIC1111 have them: every T/N-th; and evenly from T-1 towards 0, which is left out.
std::vector<double> simple_timesteps(int train_steps, int steps);
std::vector<double> sgm_uniform_timesteps(int train_steps, int steps);

// The grid of latent consistency distillation: `steps` of the `original` ones. Throws Error(kUsage) if there are fewer.
std::vector<double> distilled_timesteps(int train_steps, int original, int steps);

}  // namespace txt2img

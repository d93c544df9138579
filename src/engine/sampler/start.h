// Where a run of a sampler starts: from noise alone, or in the middle, from a noisy picture.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>

#include "txt2img/export.h"
#include "txt2img/schedule.h"

namespace txt2img {

struct Start {
  at::Tensor x{};              // (N, C, h, w), at the level from which the first step goes
  std::size_t first_step = 0;  // of the trajectory
};

// noise (N, C, h, w) of N(0, 1).
TXT2IMG_API Start start_from_noise(const Trajectory& trajectory, const at::Tensor& noise);

// x = alpha x0 + sigma noise at the first of the last int(N strength) of the trajectory's N steps, 0 < strength <= 1.
// The sampler knows nothing of the steps left out. Throws Error: kUsage (no step is left), with the least strength.
TXT2IMG_API Start start_from_latent(const Trajectory& trajectory, const at::Tensor& x0, const at::Tensor& noise,
                                    double strength);

}  // namespace txt2img

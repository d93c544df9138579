// Samplers: the rules that step from one noise level to the next.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "txt2img/export.h"
#include "txt2img/names.h"
#include "txt2img/schedule.h"

namespace txt2img {

// What a denoiser makes of x = alpha x_0 + sigma eps: both parts, each of x's shape, so that no sampler divides by
// alpha or sigma.
struct Denoised {
  at::Tensor x0;
  at::Tensor eps;
};

using Denoise = std::function<Denoised(const at::Tensor& x, const NoiseLevel& level)>;
using NoiseSource = std::function<at::Tensor()>;  // N(0, 1) of x's shape and device

// One object per run: it may remember earlier steps. x is (N, C, h, w) float32, scaled as the UNet sees it, whatever
// space the sampler's paper works in. Coefficients are double.
class TXT2IMG_API Sampler {
 public:
  virtual ~Sampler();
  virtual at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) = 0;
};

// Throws nothing: what does not go together was refused by plan_trajectory().
TXT2IMG_API std::unique_ptr<Sampler> make_sampler(SamplerKind kind, const SamplerOptions& options,
                                                  const SchedulerConfig& config = {});

// Asked after each step with the number of steps done (and with 0 before the first); false stops the run.
using KeepGoing = std::function<bool(int done)>;

// The loop: from x = init_scale * noise (N, C, h, w) to the latent. Throws Error: kInternal (NaN or Inf, with the step;
// on CUDA only when the run is over, so that no step waits for another), kInterrupted (stopped).
TXT2IMG_API at::Tensor run_sampler(Sampler& sampler, const Trajectory& trajectory, const at::Tensor& initial_noise,
                                   const Denoise& denoise, const NoiseSource& noise, const KeepGoing& keep_going);

}  // namespace txt2img

// Samplers: the rules that step from one noise level to the next.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "sampler/start.h"
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

// One object per run: it may remember earlier steps. A run may start in the middle of the trajectory: what a sampler
// has not seen since the start it goes without, whatever Step::index says. x is (N, C, h, w) float32, scaled as the
// UNet sees it, whatever space the sampler's paper works in. Coefficients are double.
class TXT2IMG_API Sampler {
 public:
  virtual ~Sampler();
  virtual at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) = 0;
};

// Throws nothing: what does not go together was refused by plan_trajectory().
TXT2IMG_API std::unique_ptr<Sampler> make_sampler(SamplerKind kind, const SamplerOptions& options,
                                                  const SchedulerConfig& config = {});

// What may look on and take part. Each function may be empty.
struct StepHooks {
  // x at the level that a step has led to -> x to go on with.
  std::function<at::Tensor(const at::Tensor& x, const Step& step)> amend{};
  std::function<void(const Step& step, const Denoised& denoised)> seen{};  // each time that the network is asked
  // Asked after each step with the number of steps done since the start, and with 0 before the first; false stops.
  std::function<bool(int done)> keep_going{};
};

// The loop: from the start to the latent. Throws Error: kInternal (NaN or Inf, with the step; on CUDA only when the run
// is over, so that no step waits for another), kInterrupted (stopped).
TXT2IMG_API at::Tensor run_sampler(Sampler& sampler, const Trajectory& trajectory, Start start, const Denoise& denoise,
                                   const NoiseSource& noise, const StepHooks& hooks = {});

}  // namespace txt2img

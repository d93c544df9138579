// The denoiser: a UNet with its prediction type and classifier-free guidance, as one function of the noisy latent.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "module/unet.h"
#include "sampler/sampler.h"
#include "txt2img/bundle.h"
#include "txt2img/export.h"

namespace txt2img {

// Raw output of the network for latent (N, C, h, w) at a timestep.
using Predict = std::function<at::Tensor(const at::Tensor& latent, double timestep, const Conditioning& conditioning)>;

struct X0Limit {
  enum class Kind { kNone, kClip, kThreshold } kind = Kind::kNone;
  double range = 1;      // clip: to [-range, range]
  double ratio = 0.995;  // threshold (arXiv 2205.11487): quantile of |x_0| to which it is cut and scaled to 1, ...
  double max = 1;        // ... but at most this
  bool is_felt_by_eps = false;  // eps is made anew from the limited x_0
};

struct DenoiserOptions {
  PredictionType prediction = PredictionType::kEpsilon;
  double guidance = 1;          // w of arXiv 2207.12598: u + w (c - u); used only with a negative conditioning
  double guidance_rescale = 0;  // phi of arXiv 2305.08891, section 3.4
  double sigma_data = 0;        // > 0: EDM preconditioning, arXiv 2206.00364, table 1
  X0Limit limit{};
};

// What the reference does about x_0 out of range, which differs from sampler to sampler.
TXT2IMG_API DenoiserOptions denoiser_options(const SchedulerConfig& config, SamplerKind sampler,
                                             const SamplerOptions& options);

enum class Guidance { kOff, kOn };

class TXT2IMG_API Denoiser {
 public:
  // Without `negative`, or guidance that is off, the network is called on N rows, else on 2N, the negative ones first.
  Denoiser(Predict predict, DenoiserOptions options, Conditioning positive,
           const std::optional<Conditioning>& negative);

  [[nodiscard]] Denoised operator()(const at::Tensor& x, const NoiseLevel& level,
                                    Guidance guidance = Guidance::kOn) const;

 private:
  [[nodiscard]] Denoised split(const at::Tensor& x, const at::Tensor& out, const NoiseLevel& level) const;
  [[nodiscard]] at::Tensor output(const at::Tensor& x, double timestep, Guidance guidance) const;

  Predict predict_;
  DenoiserOptions options_;
  Conditioning positive_;
  std::optional<Conditioning> both_;  // the negative rows and these
};

}  // namespace txt2img

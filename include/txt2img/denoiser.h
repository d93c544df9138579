// The denoiser: a UNet with its prediction type and classifier-free guidance, as one function of the noisy latent.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/sampler.h"
#include "txt2img/unet.h"

namespace txt2img {

// Raw output of the network for latent (N, C, h, w) at a timestep.
using Predict = std::function<at::Tensor(const at::Tensor& latent, double timestep, const Conditioning& conditioning)>;

struct DenoiserOptions {
  PredictionType prediction = PredictionType::kEpsilon;
  double guidance = 1;          // w of arXiv 2207.12598: u + w (c - u); used only with a negative conditioning
  double guidance_rescale = 0;  // phi of arXiv 2305.08891, section 3.4
  bool clips_x0 = false;        // clamp x_0 to [-1, 1]: clip_sample, and thresholding (arXiv 2205.11487) with the
                                // reference's sample_max_value of 1, where its quantile has no effect
};

class TXT2IMG_API Denoiser {
 public:
  // Without `negative` the network is called on N rows, with it on 2N, the negative ones first.
  Denoiser(Predict predict, DenoiserOptions options, Conditioning positive,
           const std::optional<Conditioning>& negative);

  [[nodiscard]] Denoised operator()(const at::Tensor& x, const NoiseLevel& level) const;

 private:
  [[nodiscard]] at::Tensor guided_output(const at::Tensor& x, double timestep) const;

  Predict predict_;
  DenoiserOptions options_;
  Conditioning conditioning_;
  bool is_guided_;
};

}  // namespace txt2img

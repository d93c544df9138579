// The VAE's decoder: latents to pictures.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/image.h"

namespace txt2img {

class ScriptModule;

class TXT2IMG_API VaeDecoder {
 public:
  VaeDecoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype);
  ~VaeDecoder();

  // latent (N, C, h, w) float32 as the sampler leaves it -> RGB (N, 3, f*h, f*w) float32 in [-1, 1], not clamped.
  [[nodiscard]] at::Tensor decode(const at::Tensor& latent) const;

 private:
  VaeSpec spec_;
  std::unique_ptr<ScriptModule> module_;
};

// RGB (3, H, W) float32 in [-1, 1] -> 8 bits: clamp(x/2 + 1/2, 0, 1) * 255, halves rounded to even.
TXT2IMG_API Image to_image(const at::Tensor& rgb);

}  // namespace txt2img

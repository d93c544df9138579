// The VAE's encoder: pictures to latents.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/switches.h"

namespace txt2img {

class ScriptModule;

class TXT2IMG_API VaeEncoder {
 public:
  // Throws Error: kUsage (the bundle has no encoder).
  VaeEncoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches = {});
  ~VaeEncoder();

  // RGB (N, 3, f*h, f*w) float32 in [-1, 1] and noise (N, C, h, w) of N(0, 1) -> latent (N, C, h, w) float32 as
  // VaeDecoder takes it: mean + deviation * noise of the posterior, or what the module gives where that has none.
  // Throws Error: kUnavailable (out of memory), kBadData.
  [[nodiscard]] at::Tensor encode(const at::Tensor& rgb, const at::Tensor& noise) const;

 private:
  VaeSpec spec_;
  std::unique_ptr<ScriptModule> module_;
};

}  // namespace txt2img

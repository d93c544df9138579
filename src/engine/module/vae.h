// The VAE's decoder: latents to pictures.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/image.h"
#include "txt2img/switches.h"

namespace txt2img {

class ScriptModule;

class TXT2IMG_API VaeDecoder {
 public:
  VaeDecoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches = {});
  ~VaeDecoder();

  // latent (N, C, h, w) float32 as the sampler leaves it -> RGB (N, 3, f*h, f*w) float32 in [-1, 1], not clamped.
  // Throws Error: kUnavailable (out of memory), kBadData.
  [[nodiscard]] at::Tensor decode(const at::Tensor& latent) const;

  // Whether the module's layers are those that decode_tiled knows.
  [[nodiscard]] bool can_be_tiled() const;

  // The same but for rounding, with the layers that enlarge run tile by tile: a fraction of the memory, up to twice the
  // time. Throws as decode does, and kUsage where it cannot.
  [[nodiscard]] at::Tensor decode_tiled(const at::Tensor& latent) const;

  // Bytes that decode needs at its peak apart from the weights, estimated; 0 where it cannot be tiled.
  [[nodiscard]] std::uint64_t peak_bytes(const at::Tensor& latent) const;

 private:
  struct Parts;

  [[nodiscard]] at::Tensor check(const at::Tensor& rgb, const at::Tensor& latent) const;

  VaeSpec spec_;
  std::unique_ptr<ScriptModule> module_;
  std::unique_ptr<Parts> parts_;  // empty: cannot be tiled
};

// RGB (3, H, W) float32 in [-1, 1] -> 8 bits: clamp(x/2 + 1/2, 0, 1) * 255, halves rounded to even.
TXT2IMG_API Image to_image(const at::Tensor& rgb);

}  // namespace txt2img

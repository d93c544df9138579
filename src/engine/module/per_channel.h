// Numbers of a VAE's channels, for its latents.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <vector>

namespace txt2img {

// (1, C, 1, 1), on the latent's device.
inline at::Tensor per_channel(const std::vector<double>& values, const at::Tensor& latent) {
  return at::tensor(values, latent.options()).view({1, -1, 1, 1});
}

}  // namespace txt2img

// GroupNorm, and SiLU after it, in two CUDA kernels: one reads, one reads and writes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace txt2img {

struct GroupNormLayer {
  std::int64_t groups = 1;
  at::Tensor weight{};  // (C) or undefined
  at::Tensor bias{};    // (C) or undefined
  double epsilon = 1e-5;
  bool has_silu = false;
};

bool has_group_norm_kernel();  // whether this build can run it

// x: (N, C, H, W) on a CUDA device, float16 or bfloat16, channels last, and so is the result. Nothing where the layer
// or the sizes do not fit the kernels.
std::optional<at::Tensor> run_group_norm_kernel(const at::Tensor& x, const GroupNormLayer& layer);

}  // namespace txt2img

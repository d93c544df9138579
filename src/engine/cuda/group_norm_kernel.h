// GroupNorm, and SiLU after it, in two CUDA kernels: one reads, one reads and writes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "graph/op_facts.h"

namespace txt2img {

bool has_group_norm_kernel();  // whether this build can run it

// x: (N, C, H, W) on a CUDA device, float16 or bfloat16, channels last, and so is the result. Nothing where the layer
// or the sizes do not fit the kernels.
std::optional<at::Tensor> run_group_norm_kernel(const at::Tensor& x, const GroupNormFacts& layer);

}  // namespace txt2img

// Attention on the CPU, in blocks that stay in the caches, on oneDNN's small matrix products. What to expect, for 4096
// queries and keys in 8 heads of 40: LibTorch's time less an eighth in float32, half of it in bfloat16
// (docs/performance.md, "What the parts bring").
#pragma once

#include <ATen/core/Tensor.h>

#include "cpu/vector_kernels.h"

namespace txt2img {

// softmax(q k^T / sqrt(d)) v: q (N, heads, L, d), k and v (N, heads, S, d), d even -> (N, heads, L, d). All of one
// type, for which has_cpu_product holds. Blocks with a running maximum as in FlashAttention (Dao et al. 2022,
// arXiv:2205.14135).
at::Tensor cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const VectorKernels& kernels = best_kernels());

}  // namespace txt2img

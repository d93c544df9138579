// Attention on the CPU, in blocks that stay in the caches, on oneDNN's small matrix products.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

namespace txt2img {

// Whether this processor and this LibTorch have the products that cpu_attention needs.
bool has_cpu_attention(c10::ScalarType dtype);

// softmax(q k^T / sqrt(d)) v: q (N, heads, L, d), k and v (N, heads, S, d), d even -> (N, heads, L, d). All of one
// type, for which has_cpu_attention holds. Blocks with a running maximum as in FlashAttention (Dao et al. 2022,
// arXiv:2205.14135).
at::Tensor cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace txt2img

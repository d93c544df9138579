// 3x3 convolutions with fewer multiplications: Winograd F(2x2, 3x3) and F(4x4, 3x3) (Lavin and Gray 2016,
// arXiv:1509.09308), which need 4/9 and 1/4 of them and weights of 16/9 and 4 times the size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vectors.h"

namespace txt2img {

// Kernels (C', C, 3, 3), of any floating-point type -> what winograd_convolution reads, ((side + 2)^2, C, C') float32.
// `side` of the tiles in which the result is computed: 2 or 4.
at::Tensor winograd_weight(const at::Tensor& weight, std::int64_t side);

// The convolution of x (N, C, h, w) with stride 1 and padding 1 -> (N, C', h, w), float32, channels last. C and C' are
// multiples of kLanes; `bias` (C') or undefined. Rounding is up to ten times that of a plain convolution.
at::Tensor winograd_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace txt2img

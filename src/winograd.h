// 3x3 convolutions with a quarter of the multiplications: Winograd F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace txt2img {

constexpr std::int64_t kWinogradLanes = 16;  // channels are worked on in groups of as many

// Kernels (C', C, 3, 3), of any floating-point type -> what winograd_convolution reads, (36, C, C') float32.
at::Tensor winograd_weight(const at::Tensor& weight);

// The convolution of x (N, C, h, w) with stride 1 and padding 1 -> (N, C', h, w), float32, channels last. C and C' are
// multiples of kWinogradLanes; `bias` (C') or undefined. Rounding is about ten times that of a plain convolution.
at::Tensor winograd_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace txt2img

// 3x3 convolutions with fewer multiplications: Winograd F(2x2, 3x3) and F(4x4, 3x3) (Lavin and Gray 2016,
// arXiv:1509.09308), which need 4/9 and 1/4 of them and weights of 16/9 and 4 times the size. What to expect: 2.2
// to 2.8 times the rate of the plain convolution in float32 (docs/performance.md, "What the parts bring").
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "cpu/vector_kernels.h"

namespace txt2img {

struct WinogradWeight {
  std::int64_t side = 0;  // of the tiles in which the result is computed: 2, or in float32 4
  std::int64_t out = 0;   // C'
  at::Tensor values{};    // in the order in which winograd_convolution reads them
};

// Of kernels (C', C, 3, 3) of any floating-point type, for pictures of `dtype`, float32 or bfloat16.
WinogradWeight winograd_weight(const at::Tensor& weight, std::int64_t side, c10::ScalarType dtype);

// The convolution of x (N, C, h, w) with stride 1 and padding 1 -> (N, C', h, w), channels last. C and C' are multiples
// of kLanes; `bias` (C') of x's type, or undefined. bfloat16 needs has_cpu_product. The rounding error is up to ten
// times that of a plain convolution in float32, 2.5 times in bfloat16 (where tiles of side 4 would make it 15 times).
at::Tensor winograd_convolution(const at::Tensor& x, const WinogradWeight& weight, const at::Tensor& bias,
                                const VectorKernels& kernels = best_kernels());

}  // namespace txt2img

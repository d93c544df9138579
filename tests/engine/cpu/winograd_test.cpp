#include "cpu/winograd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

#include "cpu/cpu_product.h"
#include "cpu/vector_kernels.h"

namespace txt2img {
namespace {

struct Case {
  std::array<std::int64_t, 4> input{};  // (N, C, h, w)
  std::int64_t out = 0;
  bool has_bias = true;

  friend std::ostream& operator<<(std::ostream& out, const Case& sizes) {
    for (const std::int64_t size : sizes.input) out << size << " x ";
    return out << "-> " << sizes.out << (sizes.has_bias ? "" : " without bias");
  }
};

struct Kind {
  std::int64_t side = 0;
  c10::ScalarType dtype = at::kFloat;
  double error_max = 0;  // relative to the largest result

  friend std::ostream& operator<<(std::ostream& out, const Kind& kind) {
    return out << "F(" << kind.side << ") in " << kind.dtype;
  }
};

class Winograd : public testing::TestWithParam<std::tuple<Kind, Case>> {};

// The oracle is LibTorch's convolution in float64.
TEST_P(Winograd, ConvolvesAsItIsDefined) {
  const auto& [kind, sizes] = GetParam();
  if (kind.dtype == at::kBFloat16 && !has_cpu_product(kind.dtype)) GTEST_SKIP() << "this processor has no products";
  at::manual_seed(2);
  const at::Tensor x = at::randn(sizes.input).to(kind.dtype);
  const at::Tensor weight = at::randn({sizes.out, sizes.input[1], 3, 3}).to(kind.dtype);
  const at::Tensor bias = sizes.has_bias ? at::randn({sizes.out}).to(kind.dtype) : at::Tensor();
  const auto exact_bias = sizes.has_bias ? std::optional(bias.to(at::kDouble)) : std::nullopt;
  const at::Tensor exact = at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), exact_bias, 1, 1);
  const WinogradWeight packed = winograd_weight(weight, kind.side, kind.dtype);
  for (const VectorKernels& kernels : vector_kernels()) {
    SCOPED_TRACE(kernels.name);
    const at::Tensor y = winograd_convolution(x, packed, bias, kernels);
    ASSERT_EQ(y.sizes(), exact.sizes());
    EXPECT_EQ(y.scalar_type(), kind.dtype);
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT((y - exact).abs().max().item<double>(), kind.error_max * exact.abs().max().item<double>());
  }
}

// Whole tiles; sides that are cut; less than one tile; two pictures; more tiles than are worked on at once; weights in
// several blocks.
INSTANTIATE_TEST_SUITE_P(Sizes, Winograd,
                         testing::Combine(testing::Values(Kind{2, at::kFloat, 1e-5}, Kind{4, at::kFloat, 1e-5},
                                                          Kind{2, at::kBFloat16, 0.01}),
                                          testing::Values(Case{{1, 16, 8, 8}, 16}, Case{{1, 32, 13, 22}, 48},
                                                          Case{{3, 16, 1, 2}, 16}, Case{{2, 16, 5, 4}, 32, false},
                                                          Case{{2, 16, 50, 61}, 16}, Case{{1, 48, 9, 9}, 192})));

TEST(WinogradWeight, OfHalfPrecisionIsThatOfItsValues) {
  const at::Tensor weight = at::randn({16, 32, 3, 3}).to(at::kHalf);
  EXPECT_TRUE(at::equal(winograd_weight(weight, 4, at::kFloat).values,
                        winograd_weight(weight.to(at::kFloat), 4, at::kFloat).values));
}

TEST(WinogradConvolution, ReadsEveryMemoryFormat) {
  const at::Tensor x = at::randn({2, 16, 9, 10});
  const WinogradWeight weight = winograd_weight(at::randn({16, 16, 3, 3}), 4, at::kFloat);
  const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(at::equal(winograd_convolution(x, weight, {}), winograd_convolution(last, weight, {})));
}

}  // namespace
}  // namespace txt2img

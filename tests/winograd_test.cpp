#include "winograd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

namespace txt2img {
namespace {

struct Case {
  std::array<std::int64_t, 4> input{};  // (N, C, h, w)
  std::int64_t out = 0;
  bool has_bias = true;
};

class Winograd : public testing::TestWithParam<std::tuple<std::int64_t, Case>> {};

// The oracle is LibTorch's convolution in float64.
TEST_P(Winograd, ConvolvesAsItIsDefined) {
  at::manual_seed(2);
  const auto& [side, sizes] = GetParam();
  const at::Tensor x = at::randn(sizes.input);
  const at::Tensor weight = at::randn({sizes.out, sizes.input[1], 3, 3});
  const at::Tensor bias = sizes.has_bias ? at::randn({sizes.out}) : at::Tensor();
  const auto exact_bias = sizes.has_bias ? std::optional(bias.to(at::kDouble)) : std::nullopt;
  const at::Tensor exact = at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), exact_bias, 1, 1);
  const at::Tensor y = winograd_convolution(x, winograd_weight(weight, side), bias);
  ASSERT_EQ(y.sizes(), exact.sizes());
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT((y - exact).abs().max().item<double>(), 1e-5 * exact.abs().max().item<double>());
}

// Whole tiles; sides that are cut; less than one tile; two pictures; more tiles than are worked on at once.
INSTANTIATE_TEST_SUITE_P(Sizes, Winograd,
                         testing::Combine(testing::Values(2, 4),
                                          testing::Values(Case{{1, 16, 8, 8}, 16}, Case{{1, 32, 13, 22}, 48},
                                                          Case{{3, 16, 1, 2}, 16}, Case{{2, 16, 5, 4}, 32, false},
                                                          Case{{2, 16, 50, 61}, 16})));

TEST(WinogradWeight, OfHalfPrecisionIsThatOfItsValues) {
  const at::Tensor weight = at::randn({16, 32, 3, 3}).to(at::kHalf);
  EXPECT_TRUE(at::equal(winograd_weight(weight, 4), winograd_weight(weight.to(at::kFloat), 4)));
}

TEST(WinogradConvolution, ReadsEveryMemoryFormat) {
  const at::Tensor x = at::randn({2, 16, 9, 10});
  const at::Tensor weight = winograd_weight(at::randn({16, 16, 3, 3}), 4);
  const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(at::equal(winograd_convolution(x, weight, {}), winograd_convolution(last, weight, {})));
}

}  // namespace
}  // namespace txt2img

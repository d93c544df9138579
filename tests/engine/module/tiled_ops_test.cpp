#include "module/tiled_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace txt2img {
namespace {

using Kind = TiledOp::Kind;

TiledOp convolution(std::size_t input, std::int64_t from, std::int64_t to, std::int64_t side) {
  return {.kind = Kind::kConvolution,
          .inputs = {input},
          .weight = at::randn({to, from, side, side}) / static_cast<double>(side * side),
          .bias = at::randn({to})};
}

TiledOp group_norm(std::size_t input, std::int64_t channels) {
  return {.kind = Kind::kGroupNorm,
          .inputs = {input},
          .weight = at::randn({channels}),
          .bias = at::randn({channels}),
          .groups = 2,
          .eps = 1e-6};
}

// A residual block that halves the channels, an enlargement, and a norm and a convolution to three channels: the end of
// a VAE's decoder.
TiledOps decoder_end() {
  return {
      group_norm(0, 8),
      {.kind = Kind::kSilu, .inputs = {1}},
      convolution(2, 8, 4, 3),
      group_norm(3, 4),
      {.kind = Kind::kSilu, .inputs = {4}},
      convolution(5, 4, 4, 3),
      convolution(0, 8, 4, 1),
      {.kind = Kind::kAdd, .inputs = {7, 6}},
      {.kind = Kind::kScale, .inputs = {8}, .factor = 0.5},
      {.kind = Kind::kUpsample, .inputs = {9}},
      convolution(10, 4, 4, 5),
      group_norm(11, 4),
      {.kind = Kind::kSilu, .inputs = {12}},
      convolution(13, 4, 3, 3),
  };
}

// LibTorch's own operators, on the whole.
at::Tensor run_whole(const TiledOps& ops, const at::Tensor& x) {
  std::vector<at::Tensor> values = {x};
  for (const TiledOp& op : ops) {
    const at::Tensor& input = values[op.inputs[0]];
    switch (op.kind) {
      case Kind::kConvolution:
        values.push_back(at::conv2d(input, op.weight, op.bias, 1, {op.weight.size(2) / 2, op.weight.size(3) / 2}));
        break;
      case Kind::kGroupNorm: values.push_back(at::group_norm(input, op.groups, op.weight, op.bias, op.eps)); break;
      case Kind::kSilu: values.push_back(at::silu(input)); break;
      case Kind::kAdd: values.push_back(input + values[op.inputs[1]]); break;
      case Kind::kScale: values.push_back(input * op.factor); break;
      case Kind::kUpsample:
        values.push_back(at::upsample_nearest2d(input, {input.size(2) * 2, input.size(3) * 2}));
        break;
    }
  }
  return values.back();
}

// Unlike everywhere: a slope over noise, so that no tile has the moments of another.
at::Tensor sloping(at::IntArrayRef sizes) {
  return at::randn(sizes) + at::arange(sizes[3]).view({1, 1, 1, -1}) * 0.3 +
         at::arange(sizes[2]).view({1, 1, -1, 1}) * 0.2;
}

class TiledOpsInTiles : public testing::TestWithParam<std::int64_t> {};

TEST_P(TiledOpsInTiles, GiveWhatTheyGiveOnTheWhole) {
  at::manual_seed(1);
  const TiledOps ops = decoder_end();
  const at::Tensor x = sloping({2, 8, 13, 22});
  const at::Tensor whole = run_whole(ops, x);
  const at::Tensor tiled = run_tiled(ops, x, GetParam());
  ASSERT_EQ(tiled.sizes(), whole.sizes());
  EXPECT_LT((tiled - whole).abs().max().item<double>(), 1e-5 * whole.abs().max().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Sizes, TiledOpsInTiles, testing::Values(1, 4, 6, 16, 100));

TEST(TiledOps, ConvolveAsTheyAreTold) {
  TiledOp twice = convolution(0, 4, 4, 3);
  twice.convolve = [](const at::Tensor& x) { return x * 2; };
  const at::Tensor x = at::randn({1, 4, 9, 5});
  EXPECT_TRUE(at::equal(run_tiled({twice}, x, 4), x * 2));
}

TEST(TiledOps, NeedAtTheirPeakAnInputItsCopyAResultAndItsCopy) {
  const TiledOps ops = {{.kind = Kind::kSilu, .inputs = {0}}, convolution(1, 8, 4, 3)};
  EXPECT_EQ(peak_numel(ops, {1, 8, 10, 10}), 2 * (8 + 4) * 100);
}

TEST(TiledOps, KeepAtTheirPeakWhatIsAddedLater) {
  const TiledOps ops = {{.kind = Kind::kSilu, .inputs = {0}},
                        {.kind = Kind::kUpsample, .inputs = {1}},
                        {.kind = Kind::kUpsample, .inputs = {0}},
                        {.kind = Kind::kAdd, .inputs = {2, 3}}};
  EXPECT_EQ(peak_numel(ops, {3, 1, 2, 5}), 3 * 2 * 5 * (4 + 4 + 4));
}

}  // namespace
}  // namespace txt2img

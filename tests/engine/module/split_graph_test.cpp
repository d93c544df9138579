#include "module/split_graph.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cpu/cpu_graph.h"
#include "graph/graph_rewrite.h"

namespace txt2img {
namespace {

torch::jit::Module module_of(const std::string& code) {
  torch::jit::Module module("Toy");
  module.register_parameter("weight", at::randn({4, 4, 3, 3}), /*is_buffer=*/false);
  module.register_parameter("grouped", at::randn({4, 2, 3, 3}), /*is_buffer=*/false);
  module.register_parameter("bias", at::randn({4}), /*is_buffer=*/false);
  module.define(code);
  return module;
}

std::optional<SplitGraph> split_of(const torch::jit::Module& module) {
  return split_graph(module, inlined_graph(module));
}

// A network that ends in an enlargement and `op`, which makes y of y.
torch::jit::Module ending_in(const std::string& op) {
  return module_of("def forward(self, x):\n    y = torch.upsample_nearest2d(torch.tanh(x), None, [2.0, 2.0])\n    " +
                   std::string(op) + "\n    return torch.silu(y)\n");
}

std::string convolution(const std::string& weight, const std::string& bias, const std::string& numbers) {
  return "y = torch._convolution(y, " + weight + ", " + bias + ", " + numbers + ", False, False, True, True)";
}

// Stride, padding, dilation, transposed, output padding, groups.
constexpr const char* kPlain = "[1, 1], [1, 1], [1, 1], False, [0, 0], 1";

TEST(SplitGraph, GivesTheSameInTwoParts) {
  torch::jit::Module module = ending_in(convolution("self.weight", "self.bias", kPlain));
  const std::optional<SplitGraph> split = split_of(module);
  ASSERT_TRUE(split);
  std::vector<TiledOp::Kind> kinds;
  for (const TiledOp& op : split->tail) kinds.push_back(op.kind);
  using Kind = TiledOp::Kind;
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kUpsample, Kind::kConvolution, Kind::kSilu}));
  const at::Tensor x = at::randn({2, 4, 5, 7});
  const at::Tensor whole = module.forward({x}).toTensor();
  EXPECT_LT((run_tiled(split->tail, split->head(x), 4) - whole).abs().max().item<double>(), 1e-5);
}

TEST(SplitGraph, TakesAConvolutionWithoutBias) {
  const std::optional<SplitGraph> split = split_of(ending_in(convolution("self.weight", "None", kPlain)));
  ASSERT_TRUE(split);
  EXPECT_FALSE(split->tail.at(1).bias.defined());
}

// What is not a local operator of the kind that run_tiled knows makes the enlargement a part of the head.
TEST(SplitGraph, LeavesAloneWhatItDoesNotKnow) {
  const std::array ops = {
      convolution("self.weight", "self.bias", "[2, 2], [1, 1], [1, 1], False, [0, 0], 1"),
      convolution("self.weight", "self.bias", "[1, 1], [0, 0], [1, 1], False, [0, 0], 1"),
      convolution("self.weight", "self.bias", "[1, 1], [1, 1], [2, 2], False, [0, 0], 1"),
      convolution("self.weight", "self.bias", "[1, 1], [1, 1], [1, 1], True, [0, 0], 1"),
      convolution("self.grouped", "self.bias", "[1, 1], [1, 1], [1, 1], False, [0, 0], 2"),
      convolution("self.weight * 2", "self.bias", kPlain),
      convolution("self.weight", "self.bias * 2", kPlain),
      convolution("self.weight", "y.mean([0, 2, 3])", kPlain),
      std::string("y = torch.add(y, y, alpha=2)"),
      std::string("y = torch.add(y, self.weight[0, 0, 0, 0])"),
      std::string("y = torch.div(y, y)"),
      std::string("y = torch.dropout(y, 0.5, True)"),
      std::string("y = torch.upsample_nearest2d(y, [8, 8], None)"),
      std::string("y = torch.upsample_nearest2d(y, None, [3.0, 3.0])"),
      std::string("y = torch.softmax(y, 1)"),
  };
  for (const std::string& op : ops) {
    EXPECT_FALSE(split_of(ending_in(op + "\n    " + convolution("self.weight", "None", kPlain)))) << op;
  }
}

// What packs its weights does so once, whether a picture is decoded whole, in tiles or both.
TEST(SplitGraph, CallsTheLayersOfTheWholeGraph) {
  const c10::InferenceMode guard;
  const torch::jit::Module module = ending_in(convolution("self.weight", "self.bias", kPlain));
  const RewrittenGraph whole = make_cpu_graph(module, inlined_graph(module), at::kFloat).value();
  ASSERT_EQ(whole.layers.size(), 1U);
  const std::optional<SplitGraph> split = split_graph(module, whole.graph->copy(), whole.layers);
  ASSERT_TRUE(split);
  EXPECT_TRUE(split->tail.at(1).convolve);
  const at::Tensor x = at::randn({2, 4, 5, 7});
  const at::Tensor tiled = run_tiled(split->tail, split->head(x), 4);
  EXPECT_LT((tiled - whole.run({x}).toTensor()).abs().max().item<double>(), 1e-5);
}

TEST(SplitGraph, NeedsAConvolutionAndAnEnlargement) {
  EXPECT_FALSE(split_of(ending_in("y = y / 2.0")));
  EXPECT_FALSE(split_of(module_of("def forward(self, x):\n    y = torch.tanh(x)\n    " +
                                  convolution("self.weight", "None", kPlain) + "\n    return y\n")));
}

}  // namespace
}  // namespace txt2img

#include "cpu/cpu_graph.h"

#include <ATen/TensorOperators.h>
#include <ATen/Version.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cpu/cpu_layers.h"
#include "fixtures/expect_error.h"
#include "graph/graph_rewrite.h"
#include "txt2img/switches.h"

namespace txt2img {
namespace {

class CpuGraphTest : public testing::Test {
 protected:
  CpuGraphTest() { at::manual_seed(3); }

  static torch::jit::Module module_of(const std::string& code, c10::ScalarType stored = at::kFloat) {
    torch::jit::Module module("Toy");
    const auto add = [&](const char* name, at::IntArrayRef sizes) {
      module.register_parameter(name, at::randn(sizes).to(stored), /*is_buffer=*/false);
    };
    add("kernel", {32, 16, 3, 3});
    add("turned", {16, 32, 3, 3});
    add("same", {16, 16, 3, 3});
    add("grouped", {16, 4, 3, 3});
    add("point", {24, 16, 1, 1});
    add("bias", {32});
    add("matrix", {32, 16});
    module.define("def forward(self, x):\n    " + code + "\n");
    return module;
  }

  static std::optional<RewrittenGraph> rewrite(const torch::jit::Module& module, c10::ScalarType dtype = at::kFloat,
                                               const CpuSwitches& switches = {}) {
    return make_cpu_graph(module, inlined_graph(module), dtype, switches);
  }

  // Those on the list are on.
  static CpuSwitches only(std::string_view list) {
    const auto has = [list](std::string_view name) { return list.find(name) != std::string_view::npos; };
    return {.attention = has("attention"), .packed = has("packed"), .winograd = has("winograd")};
  }

  static at::Tensor run(const RewrittenGraph& graph, const at::Tensor& x) { return graph.run({x}).toTensor(); }

  // The largest difference to the module's own forward, against its largest value.
  static double difference(torch::jit::Module& module, const at::Tensor& x, const CpuSwitches& switches = {}) {
    const at::Tensor plain = module.forward({x}).toTensor();
    const at::Tensor mine = run(rewrite(module, at::kFloat, switches).value(), x);
    EXPECT_EQ(mine.sizes(), plain.sizes());
    return ((mine - plain).abs().max() / plain.abs().max()).item<double>();
  }

  const c10::InferenceMode guard_{};
};

std::string convolution(const std::string& weight, const std::string& bias, const std::string& numbers) {
  return "torch._convolution(x, " + weight + ", " + bias + ", " + numbers + ", False, False, True, True)";
}

struct Layer {
  const char* name;
  std::string code;
};

class CpuGraphLayers : public CpuGraphTest, public testing::WithParamInterface<std::tuple<Layer, const char*>> {};

TEST_P(CpuGraphLayers, GiveWhatTheModuleGives) {
  const auto& [layer, switches] = GetParam();
  torch::jit::Module module = module_of("return " + layer.code);
  const std::optional<RewrittenGraph> graph = rewrite(module, at::kFloat, only(switches));
  ASSERT_TRUE(graph);
  for (const std::int64_t side : {7, 64, 7}) {  // another size later, and the first again
    EXPECT_LT(difference(module, at::randn({2, 16, side, 16}), only(switches)), 1e-5) << side;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, CpuGraphLayers,
    testing::Combine(
        testing::Values(
            Layer{"Plain", convolution("self.kernel", "self.bias", "[1, 1], [1, 1], [1, 1], False, [0, 0], 1")},
            Layer{"NoBias", convolution("self.kernel", "None", "[1, 1], [1, 1], [1, 1], False, [0, 0], 1")},
            Layer{"NoPadding", convolution("self.kernel", "self.bias", "[1, 1], [0, 0], [1, 1], False, [0, 0], 1")},
            Layer{"Stride", convolution("self.kernel", "self.bias", "[2, 2], [1, 1], [1, 1], False, [0, 0], 1")},
            Layer{"Dilation", convolution("self.kernel", "None", "[1, 1], [2, 2], [2, 2], False, [0, 0], 1")},
            Layer{"Groups", convolution("self.grouped", "None", "[1, 1], [1, 1], [1, 1], False, [0, 0], 4")},
            Layer{"Point", convolution("self.point", "None", "[1, 1], [0, 0], [1, 1], False, [0, 0], 1")},
            Layer{"Transposed", convolution("self.turned", "None", "[1, 1], [1, 1], [1, 1], True, [0, 0], 1")},
            Layer{"Computed", convolution("self.kernel * 2", "None", "[1, 1], [1, 1], [1, 1], False, [0, 0], 1")},
            Layer{"Attention", "torch.scaled_dot_product_attention(x, x * 2, x + 1)"},
            Layer{"CausalAttention", "torch.scaled_dot_product_attention(x, x, x, is_causal=True)"},
            Layer{"ScaledAttention", "torch.scaled_dot_product_attention(x, x, x, scale=0.5)"},
            Layer{"Linear", "torch.linear(x, self.matrix, self.bias)"},
            Layer{"LinearWithoutBias", "torch.linear(x.transpose(1, 2), self.matrix, None)"},
            Layer{"Residual", "x + torch.div(" +
                                  convolution("self.same", "None", "[1, 1], [1, 1], [1, 1], False, [0, 0], 1") +
                                  ", 1)"}),
        testing::Values("attention,packed,winograd", "attention", "packed", "winograd")),
    [](const auto& of) {
      std::string switches = std::get<1>(of.param);
      std::erase(switches, ',');
      return std::get<0>(of.param).name + switches;
    });

constexpr const char* kSame = "[1, 1], [1, 1], [1, 1], False, [0, 0], 1";

TEST_F(CpuGraphTest, CastsInItsLayersWhatIsStoredInHalf) {
  torch::jit::Module module = module_of("return " + convolution("self.same", "None", kSame), at::kHalf);
  const at::Tensor x = at::randn({1, 16, 16, 16});
  const at::Tensor mine = run(rewrite(module).value(), x);
  module.to(at::kFloat);
  EXPECT_LT((mine - module.forward({x}).toTensor()).abs().max().item<double>(), 1e-3);
}

TEST_F(CpuGraphTest, WorksInBfloat16WhereTheProcessorDoes) {
  torch::jit::Module module = module_of("return torch.linear(" + convolution("self.same", "None", kSame) +
                                        ".transpose(1, 3), self.matrix, self.bias)");
  const std::optional<RewrittenGraph> graph = rewrite(module, at::kBFloat16);
  ASSERT_EQ(graph.has_value(), at::get_cpu_capability().starts_with("AVX512"));
  if (!graph) GTEST_SKIP() << "no kernels for bfloat16";
  const at::Tensor x = at::randn({1, 16, 16, 16});
  const at::Tensor mine = run(*graph, x.to(at::kBFloat16));
  const at::Tensor plain = module.forward({x}).toTensor();
  EXPECT_EQ(mine.scalar_type(), at::kBFloat16);
  EXPECT_LT((mine - plain).abs().max().item<double>(), 0.02 * plain.abs().max().item<double>());
}

TEST_F(CpuGraphTest, TakesWeightsThatNothingElseReads) {
  const auto taken = [](const std::string& value) {
    return rewrite(module_of("return " + value)).value().taken.size();
  };
  EXPECT_EQ(taken("torch.linear(x, self.matrix, self.bias)"), 1U);
  EXPECT_EQ(taken("torch.linear(x, self.matrix, None) + self.matrix.sum()"), 0U);
}

TEST_F(CpuGraphTest, StillMakesFractionsOfWholeNumbers) {
  const torch::jit::Module module = module_of("return torch.div(torch.floor(x).to(4), 1)");
  EXPECT_TRUE(run(rewrite(module).value(), at::ones({2})).is_floating_point());
}

TEST_F(CpuGraphTest, LeavesAloneWhatWritesToItsTensors) {
  EXPECT_FALSE(rewrite(module_of("return torch.linear(x, self.matrix, None).add_(1)")));
}

TEST_F(CpuGraphTest, LeavesAloneWhatHasBranches) {
  EXPECT_FALSE(rewrite(module_of("if bool(x.sum() > 0):\n        x = x + 1\n    return x")));
}

TEST_F(CpuGraphTest, AttendsInPlainWaysToWhatDoesNotFit) {
  torch::jit::Module module = module_of("return torch.scaled_dot_product_attention(x, x, x)");
  EXPECT_LT(difference(module, at::randn({5, 7})), 1e-5);
  EXPECT_LT(difference(module, at::randn({1, 2, 5, 7})), 1e-5);
}

TEST_F(CpuGraphTest, IsNotMadeWithoutSwitches) {
  EXPECT_FALSE(rewrite(module_of("return torch.linear(x, self.matrix, None)"), at::kFloat, only("none")));
  EXPECT_FALSE(rewrite(module_of("return torch.linear(x, self.matrix, None)"), at::kHalf));
}

}  // namespace
}  // namespace txt2img

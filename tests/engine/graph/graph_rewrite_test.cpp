#include "graph/graph_rewrite.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <string>
#include <utility>

namespace txt2img {
namespace {

class LinearOfATest final : public Layer {
 public:
  explicit LinearOfATest(LinearFacts facts) : facts_(std::move(facts)) {}

  at::Tensor operator()(const at::Tensor& x) override {
    ++calls;
    return at::linear(x, facts_.weight, facts_.bias);
  }

  [[nodiscard]] KnownOp op() const override { return facts_; }

  int calls = 0;

 private:
  LinearFacts facts_;
};

class GraphRewriterTest : public testing::Test {
 protected:
  GraphRewriterTest() {
    at::manual_seed(7);
    module_.register_parameter("matrix", at::randn({16, 16}), /*is_buffer=*/false);
    module_.register_parameter("bias", at::randn({16}), /*is_buffer=*/false);
  }

  GraphRewriter rewriter_of(const std::string& code) {
    module_.define("def forward(self, x):\n    " + code + "\n");
    return {module_, inlined_graph(module_)};
  }

  static auto count(const RewrittenGraph& graph, const char* name) {
    return std::ranges::count_if(graph.graph->nodes(), [&](const auto* node) { return calls(*node, name); });
  }

  const c10::InferenceMode guard_{};
  torch::jit::Module module_{"Toy"};
};

TEST_F(GraphRewriterTest, CallsALayerThatStandsForWhatItReplaced) {
  GraphRewriter rewriter = rewriter_of("return torch.linear(x, self.matrix, self.bias) + 1");
  const auto matches = rewriter.find<LinearFacts>();
  ASSERT_EQ(matches.size(), 1U);
  const auto layer = c10::make_intrusive<LinearOfATest>(matches[0].facts);
  rewriter.replace(matches[0], layer);
  EXPECT_EQ(rewriter.find<LinearFacts>().size(), 1U) << "it is still a linear layer";
  const RewrittenGraph graph = rewriter.finish();
  const at::Tensor x = at::randn({3, 16});
  EXPECT_TRUE(at::equal(graph.run({x}).toTensor(), module_.forward({x}).toTensor()));
  EXPECT_EQ(layer->calls, 1);
  EXPECT_EQ(graph.taken.size(), 1U);
}

TEST_F(GraphRewriterTest, DropsDivisionsByOne) {
  const RewrittenGraph plain = rewriter_of("return torch.div(torch.linear(x, self.matrix), 1)").finish();
  EXPECT_EQ(count(plain, "aten::div"), 0);
}

// Asked for each way through the sums, this would not end.
TEST_F(GraphRewriterTest, AsksEachSumOnceWhereItComesFrom) {
  std::string code;
  for (int i = 0; i < 64; ++i) code += "x = x + x\n    ";
  EXPECT_EQ(count(rewriter_of(code + "return torch.div(x, 1)").finish(), "aten::div"), 1);
}

TEST_F(GraphRewriterTest, KeepsDivisionsThatRound) {
  const RewrittenGraph rounding =
      rewriter_of("return torch.div(torch.linear(x, self.matrix), 1, rounding_mode='floor')").finish();
  const at::Tensor x = at::randn({3, 16});
  EXPECT_TRUE(at::equal(rounding.run({x}).toTensor(), module_.forward({x}).toTensor()));
}

}  // namespace
}  // namespace txt2img

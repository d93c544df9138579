#include "cuda/group_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cuda/group_norm_block.h"
#include "fixtures/cuda_device.h"
#include "graph/graph_rewrite.h"

namespace txt2img {
namespace {

struct Shape {
  std::int64_t pictures, channels, height, width, groups;

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.pictures << " x " << shape.channels << " x " << shape.height << " x " << shape.width << " in "
               << shape.groups;
  }
};

// The kernels' threads one after another, phase by phase.
template <typename T>
class Blocks {
 public:
  explicit Blocks(const GroupNormCall<T>& call) : call_(call) {
    const std::int64_t found = std::int64_t{call.sizes.pictures} * call.sizes.chunks * call.sizes.groups;
    found_.resize(static_cast<std::size_t>(found));
    call_.found = found_.data();
  }

  void run() {
    for_each_block([this](const GroupNormBlock<T>& block) {
      each_thread([&](int thread) { block.add_channels(thread, shared_.data()); });
      each_thread([&](int thread) { block.add_groups(thread, shared_.data()); });
    });
    for_each_block([this](const GroupNormBlock<T>& block) {
      each_thread([&](int thread) { block.gather(thread, shared_.data()); });
      each_thread([&](int thread) { block.finish(thread, shared_.data()); });
      each_thread([&](int thread) { block.apply(thread, shared_.data()); });
    });
  }

 private:
  template <typename Work>
  void for_each_block(const Work& work) {
    for (int picture = 0; picture < call_.sizes.pictures; ++picture) {
      for (int chunk = 0; chunk < call_.sizes.chunks; ++chunk) {
        // What another block left behind must not be read.
        shared_.assign(kGroupNormWidth * static_cast<std::size_t>(call_.sizes.threads()), {NAN, NAN});
        work(GroupNormBlock<T>(call_, picture, chunk));
      }
    }
  }

  template <typename Work>
  void each_thread(const Work& work) const {
    for (int thread = call_.sizes.threads(); thread-- > 0;) work(thread);
  }

  GroupNormCall<T> call_;
  std::vector<GroupNormSums> found_, shared_;
};

template <typename T>
at::Tensor run_blocks(const at::Tensor& x, const GroupNormFacts& layer) {
  at::Tensor y = at::full_like(x, NAN);
  GroupNormCall<T> call;
  call.sizes = group_norm_sizes(x.size(0), x.size(2) * x.size(3), x.size(1), layer.groups).value();
  call.x = x.const_data_ptr<T>();
  if (layer.weight.defined()) call.weight = layer.weight.const_data_ptr<T>();
  if (layer.bias.defined()) call.bias = layer.bias.const_data_ptr<T>();
  call.y = y.mutable_data_ptr<T>();
  call.epsilon = static_cast<float>(layer.epsilon);
  call.has_silu = layer.has_silu;
  Blocks<T>(call).run();
  return y;
}

at::Tensor exact(const at::Tensor& x, const GroupNormFacts& layer) {
  const auto wide = [](const at::Tensor& tensor) { return tensor.defined() ? tensor.to(at::kDouble) : tensor; };
  const at::Tensor y =
      at::group_norm(wide(x).contiguous(), layer.groups, wide(layer.weight), wide(layer.bias), layer.epsilon);
  return layer.has_silu ? at::silu(y) : y;
}

class GroupNorm : public testing::TestWithParam<Shape> {
 protected:
  GroupNorm() { at::manual_seed(5); }

  // Spread around `mean`, channels last.
  static at::Tensor picture(const Shape& shape, c10::ScalarType type, double mean) {
    const at::Tensor x = at::randn({shape.pictures, shape.channels, shape.height, shape.width}) + mean;
    return x.to(type).contiguous(at::MemoryFormat::ChannelsLast);
  }

  static GroupNormFacts layer(const Shape& shape, c10::ScalarType type, bool has_silu) {
    return {.groups = shape.groups,
            .weight = (at::randn({shape.channels}) + 1).to(type),
            .bias = at::randn({shape.channels}).to(type),
            .epsilon = 1e-5,
            .has_silu = has_silu};
  }

  const c10::InferenceMode guard_{};
};

TEST_P(GroupNorm, BlocksGiveWhatTheFormulaGives) {
  const at::Tensor half = picture(GetParam(), at::kHalf, 0.5);
  const GroupNormFacts plain = layer(GetParam(), at::kHalf, /*has_silu=*/false);
  // A half has 11 bits.
  EXPECT_TRUE(at::allclose(run_blocks<c10::Half>(half, plain).to(at::kDouble), exact(half, plain), 5e-4, 1e-4));
  const at::Tensor brain = picture(GetParam(), at::kBFloat16, -0.5);
  const GroupNormFacts silu = layer(GetParam(), at::kBFloat16, /*has_silu=*/true);
  EXPECT_TRUE(at::allclose(run_blocks<c10::BFloat16>(brain, silu).to(at::kDouble), exact(brain, silu), 4e-3, 1e-4));
}

TEST_P(GroupNorm, CudaKernelsGiveWhatTheBlocksGive) {
  if (!has_group_norm_kernel() || !has_cuda_device()) GTEST_SKIP() << "no CUDA device that this build has kernels for";
  const c10::Device device("cuda:0");
  const at::Tensor x = picture(GetParam(), at::kHalf, 0.5);
  const GroupNormFacts silu = layer(GetParam(), at::kHalf, /*has_silu=*/true);
  GroupNormFacts there = silu;
  there.weight = silu.weight.to(device);
  there.bias = silu.bias.to(device);
  const at::Tensor y = run_group_norm_kernel(x.to(device), there).value();
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  // exp may be rounded otherwise, and then the half.
  EXPECT_TRUE(at::allclose(y.cpu().to(at::kFloat), run_blocks<c10::Half>(x, silu).to(at::kFloat), 1e-3, 1e-5));
  EXPECT_TRUE(at::equal(group_norm(x.to(device), there), y)) << "other bytes in another run";
}

INSTANTIATE_TEST_SUITE_P(Shapes, GroupNorm,
                         testing::Values(Shape{2, 320, 9, 7, 32},    // ten channels in a group: threads have two groups
                                         Shape{1, 2560, 3, 5, 32},   // one pixel at once
                                         Shape{1, 96, 16, 16, 16},   // six channels in a group
                                         Shape{3, 128, 40, 21, 32},  // more pixels than blocks times rows
                                         Shape{1, 8, 1, 1, 8},       // one value in a group
                                         Shape{1, 6144, 2, 2, 64},   // as many threads as there may be
                                         Shape{2, 64, 64, 64, 1}));

using GroupNormRules = GroupNorm;

TEST_F(GroupNormRules, KeepASmallDeviationBesideALargeMean) {
  const Shape shape = {1, 64, 32, 32, 8};
  const at::Tensor x = picture(shape, at::kHalf, 1000);  // steps of 0.5: the deviation is 1
  const GroupNormFacts plain = layer(shape, at::kHalf, /*has_silu=*/false);
  EXPECT_TRUE(at::allclose(run_blocks<c10::Half>(x, plain).to(at::kDouble), exact(x, plain), 1e-3, 1e-3));
}

TEST_F(GroupNormRules, GiveFiniteValuesWhereAllAreEqual) {
  const Shape shape = {1, 64, 8, 8, 8};
  const at::Tensor x = at::full_like(picture(shape, at::kHalf, 0), 3);
  EXPECT_TRUE(at::equal(run_blocks<c10::Half>(x, {.groups = 8}), at::zeros_like(x)));
}

TEST_F(GroupNormRules, FitWhatThreadsCanShare) {
  EXPECT_TRUE(group_norm_sizes(2, 4096, 320, 32));
  EXPECT_FALSE(group_norm_sizes(2, 4096, 324, 32)) << "not a multiple of 8";
  EXPECT_FALSE(group_norm_sizes(2, 4096, 320, 48)) << "not a multiple of the groups";
  EXPECT_FALSE(group_norm_sizes(2, 4096, 320, 0));
  EXPECT_FALSE(group_norm_sizes(2, 4096, 8192, 32)) << "too many channels";
  EXPECT_FALSE(group_norm_sizes(1, 16, 2560, 1280)) << "more groups than threads";
  EXPECT_FALSE(group_norm_sizes(0, 16, 64, 8));
  EXPECT_FALSE(group_norm_sizes(1, 0, 64, 8));
  EXPECT_FALSE(group_norm_sizes(70000, 16, 64, 8)) << "more pictures than a grid takes";
  EXPECT_FALSE(group_norm_sizes(1, std::int64_t{1} << 40, 64, 8));
  for (int pixels = 1; pixels < 700; ++pixels) {
    const GroupNormSizes sizes = group_norm_sizes(1, pixels, 320, 32).value();
    EXPECT_GE(sizes.chunks * sizes.chunk, pixels);
    EXPECT_LT((sizes.chunks - 1) * sizes.chunk, pixels) << "a block has nothing to do";
  }
}

// --- in graphs ---
torch::jit::Module module_of(const std::string& code) {
  torch::jit::Module module("Toy");
  module.register_parameter("scale", at::randn({16}), /*is_buffer=*/false);
  module.register_parameter("matrix", at::randn({16, 16}), /*is_buffer=*/false);
  module.define("def forward(self, x):\n    y = torch.group_norm(x, 4, self.scale, None, 1e-5, True)\n    " + code +
                "\n");
  return module;
}

std::string operators_of(const std::shared_ptr<torch::jit::Graph>& graph) {
  std::string names;
  for (const auto* node : graph->nodes()) {
    const std::string name = node->kind().toQualString();
    if (name.find("::group_norm") != std::string::npos || name.find("silu") != std::string::npos) names += name + " ";
  }
  return names;
}

struct Code {
  std::string body, operators;

  friend std::ostream& operator<<(std::ostream& out, const Code& code) { return out << code.body; }
};

class GroupNormGraph : public testing::TestWithParam<Code> {
 protected:
  const c10::InferenceMode guard_{};
};

TEST_P(GroupNormGraph, GivesWhatTheModuleGives) {
  at::manual_seed(6);
  torch::jit::Module module = module_of(GetParam().body);
  const std::shared_ptr<torch::jit::Graph> graph = inlined_graph(module);
  const std::optional<RewrittenGraph> rewritten = make_group_norm_graph(module, graph);
  EXPECT_EQ(operators_of(graph), GetParam().operators);
  const at::Tensor x = at::randn({2, 16, 5, 3});
  EXPECT_TRUE(at::equal(rewritten.value().run({x}).toTensor(), module.forward({x}).toTensor()));
}

INSTANTIATE_TEST_SUITE_P(Bodies, GroupNormGraph,
                         testing::Values(Code{"return torch.silu(y)", "txt2img::group_norm_silu "},
                                         Code{"return y + 1", "txt2img::group_norm "},
                                         Code{"return torch.silu(y) + y", "txt2img::group_norm aten::silu "},
                                         Code{"return torch.silu(y) + torch.silu(x)",
                                              "txt2img::group_norm_silu aten::silu "}));

TEST_F(GroupNormRules, LeaveOutWhatDoesNothing) {
  torch::jit::Module module = module_of(
      "y = torch.dropout(torch.linear(y, self.matrix), 0.5, False) / 1.0\n    return (y + x) / 1 + torch.size(x, 0) / "
      "1");
  const std::shared_ptr<torch::jit::Graph> graph = inlined_graph(module);
  const std::optional<RewrittenGraph> rewritten = make_group_norm_graph(module, graph);
  const auto count = [&](const char* name) {
    return std::ranges::count_if(graph->nodes(), [&](const auto* node) { return calls(*node, name); });
  };
  EXPECT_EQ(count("aten::dropout"), 0);
  EXPECT_EQ(count("aten::div"), 1) << "of whole numbers";
  const at::Tensor x = at::randn({2, 16, 5, 16});
  EXPECT_TRUE(at::equal(rewritten.value().run({x}).toTensor(), module.forward({x}).toTensor()));
}

TEST_F(GroupNormRules, LeaveOtherGraphsAlone) {
  torch::jit::Module module("Toy");
  module.define("def forward(self, x):\n    return torch.silu(x)\n");
  EXPECT_FALSE(make_group_norm_graph(module, inlined_graph(module)));
  const torch::jit::Module writing = module_of("return y.mul_(2)");
  EXPECT_FALSE(make_group_norm_graph(writing, inlined_graph(writing)));
}

}  // namespace
}  // namespace txt2img

#include "cuda/graphed_call.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "fixtures/cuda_device.h"

namespace txt2img {
namespace {

using Tensors = GraphedCall::Tensors;

bool has_cuda() { return CudaGraph::is_available() && has_cuda_device(); }

at::Tensor square(std::int64_t side, double value, c10::Device device) {
  return at::full({side, side}, value, at::TensorOptions(at::kFloat).device(device));
}

TEST(GraphedCall, CallsEachTimeWhereThereIsNoDevice) {
  if (has_cuda()) GTEST_SKIP() << "there is a CUDA device";
  int calls = 0;
  GraphedCall call([&](const Tensors& inputs) {
    ++calls;
    return Tensors{inputs[0] + 1};
  });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(call({square(2, i, at::kCPU)})[0].sum().item<float>(), 4 * (i + 1));
  EXPECT_GE(calls, 6);
  EXPECT_TRUE(call.take_problem().has_value());
  EXPECT_FALSE(call.take_problem().has_value());
}

TEST(GraphedCallCuda, RepliesAsTheCallDoesAndRunsItNoMore) {
  if (!has_cuda()) GTEST_SKIP() << "no CUDA device that this build can record for";
  const c10::InferenceMode guard;
  const c10::Device device("cuda:0");
  int calls = 0;
  GraphedCall call([&](const Tensors& inputs) {
    ++calls;
    return Tensors{at::matmul(inputs[0], inputs[0]) + inputs[1]};
  });
  Tensors kept;
  for (int i = 0; i < 12; ++i) kept.push_back(call({square(64, i, device), square(64, 1, device)})[0]);
  EXPECT_EQ(call.take_problem(), std::nullopt);
  EXPECT_LE(calls, 4);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(kept[static_cast<std::size_t>(i)].max().item<float>(), static_cast<float>(64 * i * i + 1)) << i;
}

TEST(GraphedCallCuda, HasAGraphForEachOfSeveralShapes) {
  if (!has_cuda()) GTEST_SKIP() << "no CUDA device that this build can record for";
  const c10::InferenceMode guard;
  const c10::Device device("cuda:0");
  GraphedCall call([](const Tensors& inputs) { return Tensors{inputs[0] * 2}; });
  for (int turn = 0; turn < 5; ++turn) {
    for (std::int64_t side = 1; side <= 6; ++side) {
      const at::Tensor doubled = call({square(side, turn, device)})[0];
      EXPECT_EQ(doubled.sum().item<float>(), static_cast<float>(side * side * 2 * turn));
    }
  }
  EXPECT_EQ(call.take_problem(), std::nullopt);
}

TEST(GraphedCallCuda, GoesOnWithoutAGraphWhereTheCallWaitsForTheDevice) {
  if (!has_cuda()) GTEST_SKIP() << "no CUDA device that this build can record for";
  const c10::InferenceMode guard;
  const c10::Device device("cuda:0");
  GraphedCall call([](const Tensors& inputs) { return Tensors{inputs[0] + inputs[0].max().item<double>()}; });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(call({square(4, i, device)})[0].max().item<float>(), static_cast<float>(2 * i));
  EXPECT_TRUE(call.take_problem().has_value());
  // The device is none the worse for it.
  GraphedCall other([](const Tensors& inputs) { return Tensors{inputs[0] * 3}; });
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(other({square(4, i, device)})[0].max().item<float>(), static_cast<float>(3 * i));
}

}  // namespace
}  // namespace txt2img

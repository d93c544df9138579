#include "cpu/cpu_layers.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace txt2img {
namespace {

// Layers call them by name: where one is gone or takes other arguments, nothing fails before a picture is drawn.
TEST(CpuLayers, CallOperatorsThatLibTorchHas) {
  if (!at::Context::hasMKLDNN()) GTEST_SKIP() << "a LibTorch without oneDNN";
  using Types = std::vector<std::string>;
  const std::vector<std::pair<const char*, Types>> operators = {
      {"mkldnn::_reorder_convolution_weight", {"Tensor", "int[]", "int[]", "int[]", "int", "int[]?"}},
      {"mkldnn::_convolution_pointwise",
       {"Tensor", "Tensor", "Tensor?", "int[]", "int[]", "int[]", "int", "str", "Scalar?[]", "str?"}},
      {"mkldnn::_reorder_linear_weight", {"Tensor", "int?"}},
      {"mkldnn::_linear_pointwise", {"Tensor", "Tensor", "Tensor?", "str", "Scalar?[]", "str?"}},
  };
  for (const auto& [name, expected] : operators) {
    const auto found = c10::Dispatcher::singleton().findSchema({name, ""});
    ASSERT_TRUE(found) << name;
    Types types;
    for (const c10::Argument& argument : found->schema().arguments()) types.push_back(argument.type()->str());
    EXPECT_EQ(types, expected) << name;
  }
}

}  // namespace
}  // namespace txt2img

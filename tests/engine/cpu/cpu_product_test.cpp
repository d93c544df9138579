#include "cpu/cpu_product.h"

#include <ATen/Version.h>
#include <gtest/gtest.h>

#include <array>

namespace txt2img {
namespace {

// Else attention and half of Winograd's convolutions would be the plain ones, and only slower.
TEST(CpuProduct, IsThereWhereTheProcessorHasAvx512) {
  if (!at::get_cpu_capability().starts_with("AVX512")) GTEST_SKIP() << "no AVX-512";
  EXPECT_TRUE(has_cpu_product(c10::kFloat));
  EXPECT_TRUE(has_cpu_product(c10::kBFloat16));
}

TEST(CpuProduct, MultipliesAndAdds) {
  if (!has_cpu_product(c10::kFloat)) GTEST_SKIP() << "this processor has no products";
  const std::array<float, 4> a = {1, 2, 3, 4};
  const std::array<float, 4> b = {5, 6, 7, 8};
  std::array<float, 4> c = {100, 100, 100, 100};
  multiply({.m = 2, .n = 2, .k = 2, .a_stride = 2, .b_stride = 2, .c_stride = 2, .adds = true}, a.data(), b.data(),
           c.data());
  end_products();
  EXPECT_EQ(c, (std::array<float, 4>{119, 122, 143, 150}));
}

}  // namespace
}  // namespace txt2img

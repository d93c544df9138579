#include "cpu/cpu_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <tuple>

#include "cpu/cpu_product.h"
#include "cpu/vector_kernels.h"

namespace txt2img {
namespace {

struct Case {
  std::int64_t queries = 0, keys = 0, width = 0;
  double size = 1;  // of the scores, roughly

  friend std::ostream& operator<<(std::ostream& out, const Case& sizes) {
    return out << sizes.queries << " x " << sizes.keys << " of " << sizes.width << ", scores " << sizes.size;
  }
};

class CpuAttention : public testing::TestWithParam<std::tuple<c10::ScalarType, Case>> {};

// As a UNet has them: (N, L, heads x d), seen as (N, heads, L, d).
at::Tensor heads_of(std::int64_t length, std::int64_t width, c10::ScalarType dtype) {
  return at::randn({2, length, 3, width}).to(dtype).transpose(1, 2);
}

// The oracle is LibTorch's attention in float64.
TEST_P(CpuAttention, IsWhatItIsDefinedToBe) {
  const auto& [dtype, sizes] = GetParam();
  if (!has_cpu_product(dtype)) GTEST_SKIP() << "this processor has no products for it";
  at::manual_seed(4);
  const at::Tensor q = heads_of(sizes.queries, sizes.width, dtype) * sizes.size;
  const at::Tensor k = heads_of(sizes.keys, sizes.width, dtype);
  const at::Tensor v = heads_of(sizes.keys, sizes.width, dtype);
  const at::Tensor exact = at::scaled_dot_product_attention(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble));
  for (const VectorKernels& kernels : vector_kernels()) {
    SCOPED_TRACE(kernels.name);
    const at::Tensor y = cpu_attention(q, k, v, kernels);
    ASSERT_EQ(y.sizes(), exact.sizes());
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_LT((y - exact).abs().max().item<double>(), dtype == at::kFloat ? 2e-5 * sizes.size : 0.03);
  }
}

// Whole blocks; rests of queries and keys; a prompt; fewer keys than lanes; scores beyond what exp can hold.
INSTANTIATE_TEST_SUITE_P(Sizes, CpuAttention,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(Case{128, 1024, 40}, Case{70, 1100, 64}, Case{65, 77, 160},
                                                          Case{1, 3, 8}, Case{64, 600, 40, 200})));

TEST(CpuAttentionSum, OfEqualValuesIsTheValue) {
  if (!has_cpu_product(at::kFloat)) GTEST_SKIP() << "this processor has no products for it";
  const at::Tensor v = at::randn({1, 1, 1, 8}).expand({1, 1, 700, 8});
  const at::Tensor y = cpu_attention(at::randn({1, 1, 5, 8}), at::randn({1, 1, 700, 8}), v);
  EXPECT_LT((y - v.slice(2, 0, 1)).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace txt2img

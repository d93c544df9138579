#include "cpu/vector_kernels.h"

#include <c10/util/BFloat16.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <string_view>

namespace txt2img {
namespace {

constexpr std::size_t kCount = 2 * kLanes;

TEST(VectorKernels, EndWithWhatEveryProcessorRuns) {
  std::set<std::string_view> names;
  for (const VectorKernels& kernels : vector_kernels()) names.insert(kernels.name);
  EXPECT_EQ(names.size(), vector_kernels().size());
  EXPECT_EQ(vector_kernels().back().name, "plain");
}

#if defined(__x86_64__)
TEST(VectorKernels, AreTheWidestThatTheProcessorHas) {
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = __builtin_cpu_supports("avx512f");
  EXPECT_EQ(best_kernels().name, has_avx512 ? "AVX-512" : has_avx2 ? "AVX2" : "plain");
}
#endif

TEST(VectorKernels, SoftenScoresAgainstTheLargestSoFar) {
  for (const VectorKernels& kernels : vector_kernels()) {
    SCOPED_TRACE(kernels.name);
    std::array<float, kCount> scores{};
    for (std::size_t i = 0; i < kCount; ++i) scores[i] = static_cast<float>(i) - 20;
    SoftmaxRow row = {.largest = 0.5F, .sum = 3};
    const float shrink = kernels.soften(scores.data(), kCount, 0.25F, row);
    constexpr double kLargest = (kCount - 21) * 0.25;
    EXPECT_EQ(row.largest, kLargest);
    EXPECT_NEAR(shrink, std::exp(0.5 - kLargest), 1e-7);
    double sum = 3 * std::exp(0.5 - kLargest);
    for (std::size_t i = 0; i < kCount; ++i) {
      const double exact = std::exp((static_cast<double>(i) - 20) * 0.25 - kLargest);
      EXPECT_NEAR(scores[i], exact, 3e-7 * exact);
      sum += exact;
    }
    EXPECT_NEAR(row.sum, sum, 1e-6 * sum);
  }
}

TEST(VectorKernels, RoundHalvesToEven) {
  for (const VectorKernels& kernels : vector_kernels()) {
    SCOPED_TRACE(kernels.name);
    std::array<float, kLanes> from{};
    from.fill(1);
    from[0] = 1 + 1.0F / 256;  // between 1 and 1 + 1 / 128
    from[1] = 1 + 3.0F / 256;
    from[2] = -1.0F - 1.01F / 256;
    std::array<c10::BFloat16, kLanes> to{};
    kernels.narrow(from.data(), kLanes, to.data());
    EXPECT_EQ(static_cast<float>(to[0]), 1);
    EXPECT_EQ(static_cast<float>(to[1]), 1 + 2.0F / 128);
    EXPECT_EQ(static_cast<float>(to[2]), -1 - 1.0F / 128);
    EXPECT_EQ(static_cast<float>(to[3]), 1);
  }
}

}  // namespace
}  // namespace txt2img

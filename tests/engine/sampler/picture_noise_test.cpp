#include "sampler/picture_noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace txt2img {
namespace {

std::vector<std::int64_t> shape() { return {1, 4, 2, 3}; }

TEST(PictureNoise, OfAPictureIsTheSameAloneAndInABatch) {
  const std::vector<std::uint64_t> seeds{7, 8};
  PictureNoise together(seeds, shape(), at::kCPU);
  PictureNoise alone({&seeds[1], 1}, shape(), at::kCPU);
  for (int draw = 0; draw < 3; ++draw) {
    const at::Tensor both = together.draw();
    EXPECT_EQ(both.sizes(), (std::vector<std::int64_t>{2, 4, 2, 3}));
    EXPECT_TRUE(at::equal(both[1].unsqueeze(0), alone.draw())) << draw;
    EXPECT_FALSE(at::equal(both[0], both[1])) << draw;
  }
}

TEST(PictureNoise, GoesOnWhereAGeneratorWas) {
  const std::uint64_t seed = 1234;
  PictureNoise noise({&seed, 1}, shape(), at::kCPU);
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (int draw = 0; draw < 3; ++draw)
    EXPECT_TRUE(at::equal(noise.draw(), at::randn(shape(), generator, at::kFloat))) << draw;
}

}  // namespace
}  // namespace txt2img

#include "txt2img/vae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "toy_bundle.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

TEST(VaeDecoder, UndoesTheScaleAndTheShiftOfLatents) {
  const ToyBundle toy;
  Bundle bundle = toy.bundle();
  bundle.vae.scaling_factor = 0.5;
  bundle.vae.shift_factor = 0.125;
  const at::Tensor rgb = VaeDecoder(bundle, at::kCPU, at::kFloat).decode(at::full({2, 4, 3, 5}, 0.25));
  EXPECT_EQ(rgb.sizes(), (std::vector<std::int64_t>{2, 3, 24, 40}));
  EXPECT_EQ(rgb.min().item<float>(), 0.625F);
  EXPECT_EQ(rgb.max().item<float>(), 0.625F);
}

TEST(VaeDecoder, UndoesTheStatisticsOfEachChannel) {
  const ToyBundle toy;
  Bundle bundle = toy.bundle();
  bundle.vae.scaling_factor = 0.5;
  bundle.vae.latents_mean.assign(static_cast<std::size_t>(bundle.vae.latent_channels), 0.5);
  bundle.vae.latents_std.assign(static_cast<std::size_t>(bundle.vae.latent_channels), 3);
  const at::Tensor rgb = VaeDecoder(bundle, at::kCPU, at::kFloat).decode(at::full({1, 4, 3, 5}, 0.25));
  EXPECT_EQ(rgb.min().item<float>(), 2);  // 0.25 * 3 / 0.5 + 0.5
  EXPECT_EQ(rgb.max().item<float>(), 2);
}

TEST(VaeDecoder, RefusesAPictureOfAnotherSize) {
  const ToyBundle toy({.vae_decoder = "def forward(self, latent):\n    return latent[:, :3]\n"});
  const VaeDecoder vae(toy.bundle(), at::kCPU, at::kFloat);
  EXPECT_THROW(static_cast<void>(vae.decode(at::zeros({1, 4, 2, 2}))), Error);
}

// One row of pixels, the same value in all channels.
std::vector<std::uint8_t> first_channel(const std::vector<float>& values) {
  const at::Tensor row = at::tensor(values).view({1, 1, -1}).expand({3, 1, -1});
  const Image image = to_image(row);
  std::vector<std::uint8_t> channel;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) channel.push_back(image.rgb[i]);
  return channel;
}

TEST(Image, ClampsToTheRangeOfBytes) {
  EXPECT_EQ(first_channel({-2, -1, 1, 3}), (std::vector<std::uint8_t>{0, 0, 255, 255}));
}

// x such that (x/2 + 1/2) * 255 is a half: 127.5 rounds to 128, both neighbours even.
TEST(Image, RoundsHalvesToEven) {
  EXPECT_EQ(first_channel({0}), (std::vector<std::uint8_t>{128}));
  const float to_126_5 = 126.5F / 255 * 2 - 1;
  EXPECT_EQ(first_channel({to_126_5}), (std::vector<std::uint8_t>{126}));
}

TEST(Image, HasItsChannelsSideBySideAndItsRowsFromTheTop) {
  at::Tensor rgb = at::full({3, 2, 2}, -1.0);
  rgb[0][0][1] = 1;  // red, first row, second column
  rgb[2][1][0] = 1;  // blue, second row, first column
  const Image image = to_image(rgb);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0}));
}

}  // namespace
}  // namespace txt2img

#include "module/vae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "fixtures/toy_bundle.h"
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

// The bundled model's own decoder, on a latent with a slope.
TEST(VaeDecoder, GivesTheSamePictureInTiles) {
  const Bundle bundle = read_bundle(std::filesystem::path(TXT2IMG_SOURCE_DIR) / "models" / "stickers");
  const VaeDecoder vae(bundle, at::kCPU, at::kFloat);
  at::manual_seed(1);
  const at::Tensor slope = at::arange(72).view({1, 1, 1, -1}) * 0.03 - 1;
  const at::Tensor latent = at::randn({1, bundle.vae.latent_channels, 40, 72}) + slope;
  const at::Tensor whole = vae.decode(latent);
  const at::Tensor tiled = vae.decode_tiled(latent);
  EXPECT_LT((whole - tiled).abs().max().item<double>() * 127.5, 0.05);
  EXPECT_GT(vae.peak_bytes(latent), 4U * 3 * 320 * 576);
}

TEST(VaeDecoder, GivesTheSamePictureInTilesInHalfPrecision) {
  const VaeDecoder vae(read_bundle(std::filesystem::path(TXT2IMG_SOURCE_DIR) / "models" / "stickers"), at::kCPU,
                       at::kBFloat16);
  at::manual_seed(1);
  const at::Tensor latent = at::randn({2, 8, 36, 36});
  const at::Tensor difference = (vae.decode(latent) - vae.decode_tiled(latent)).abs();
  EXPECT_LT(difference.mean().item<double>() * 127.5, 0.5);
  EXPECT_LT(difference.max().item<double>() * 127.5, 12);  // bfloat16 has 8 bits
}

TEST(VaeDecoder, SaysThatItCannotTileLayersItDoesNotKnow) {
  const ToyBundle toy;
  const VaeDecoder vae(toy.bundle(), at::kCPU, at::kFloat);
  EXPECT_EQ(vae.peak_bytes(at::zeros({1, 4, 2, 2})), 0U);
  EXPECT_THROW(static_cast<void>(vae.decode_tiled(at::zeros({1, 4, 2, 2}))), Error);
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

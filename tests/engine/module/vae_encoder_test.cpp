#include "module/vae_encoder.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "fixtures/expect_error.h"
#include "fixtures/toy_bundle.h"

namespace txt2img {
namespace {

// Mean: four times the red of the pixel at the upper left of each 8 x 8; logarithm of the variance: twice that.
constexpr const char* kPosterior = R"(
def forward(self, image):
    mean = image[:, :1, ::8, ::8].repeat(1, 4, 1, 1) * 4 * self.one
    return torch.cat([mean, mean * 2], 1)
)";

// A folder with such an encoder.
class VaeEncoderTest : public testing::Test {
 protected:
  VaeEncoderTest() : bundle_(toy_.bundle()) {
    write_module(toy_.folder() / "vae_encoder.pt", kPosterior);
    bundle_.vae.encoder = "vae_encoder.pt";
    bundle_.vae.scaling_factor = 1;
  }

  // Of a picture that is `red` all over.
  [[nodiscard]] at::Tensor latent_of(double red, double noise) const {
    return VaeEncoder(bundle_, at::kCPU, at::kFloat)
        .encode(at::full({2, 3, 24, 16}, red), at::full({2, 4, 3, 2}, noise));
  }
  [[nodiscard]] float value_of(double red, double noise) const {
    return latent_of(red, noise)[1][3][2][1].item<float>();
  }

  ToyBundle toy_;
  Bundle bundle_;
};

TEST_F(VaeEncoderTest, SamplesThePosteriorWithTheNoiseItIsGiven) {
  EXPECT_EQ(latent_of(0.25, 0).sizes(), (std::vector<std::int64_t>{2, 4, 3, 2}));
  EXPECT_EQ(value_of(0.25, 0), 1);
  EXPECT_NEAR(value_of(0.25, -2), 1 - 2 * std::exp(1.0), 1e-5);  // deviation: exp(2 / 2)
}

TEST_F(VaeEncoderTest, LimitsTheVarianceAsTheReferenceDoes) {
  EXPECT_NEAR(value_of(-5, 1), -20 + std::exp(-15.0), 1e-5);
  EXPECT_NEAR(value_of(5, 1) / (20 + std::exp(10.0)), 1, 1e-6);
}

TEST_F(VaeEncoderTest, AppliesTheShiftAndTheScaleThatTheDecoderUndoes) {
  bundle_.vae.shift_factor = 0.5;
  bundle_.vae.scaling_factor = 3;
  EXPECT_FLOAT_EQ(value_of(0.25, 0), 1.5F);  // (1 - 0.5) * 3
}

TEST_F(VaeEncoderTest, AppliesTheStatisticsOfEachChannel) {
  bundle_.vae.scaling_factor = 3;
  bundle_.vae.latents_mean = {0, 0, 0, 0.5};
  bundle_.vae.latents_std = {1, 1, 1, 2};
  EXPECT_FLOAT_EQ(value_of(0.25, 0), 0.75F);  // (1 - 0.5) * 3 / 2
}

TEST_F(VaeEncoderTest, TakesALatentAsItIsWhereThereIsNoPosterior) {
  bundle_.vae.has_posterior = false;
  bundle_.vae.latent_channels = 8;
  EXPECT_EQ(latent_of(0.25, 100)[0][7][0][0].item<float>(), 2);
}

TEST_F(VaeEncoderTest, RefusesAModuleThatGivesSomethingElse) {
  bundle_.vae.latent_channels = 3;
  EXPECT_EQ(expect_error(ExitCode::kBadData, [&] { static_cast<void>(latent_of(0, 0)); }),
            "vae_encoder.pt does not return one latent for each picture; export the model again");
}

TEST_F(VaeEncoderTest, SaysThatTheModelHasNone) {
  bundle_.vae.encoder.reset();
  EXPECT_EQ(expect_error(ExitCode::kUsage, [&] { static_cast<void>(latent_of(0, 0)); }),
            "the model toy has no VAE encoder; export it with one");
}

}  // namespace
}  // namespace txt2img

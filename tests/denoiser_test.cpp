#include "txt2img/denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/std.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace txt2img {
namespace {

const at::Tensor& x0() {
  static const at::Tensor tensor = (at::arange(16, at::kFloat) / 10 - 0.7).view({1, 4, 2, 2});
  return tensor;
}

const at::Tensor& eps() {
  static const at::Tensor tensor = (at::arange(16, at::kFloat) * 7).remainder(5).sub(2).view({1, 4, 2, 2});
  return tensor;
}

// A network that always gives `output`.
Predict constant(const at::Tensor& output) {
  return [output](const at::Tensor&, double, const Conditioning&) { return output; };
}

void expect_close(const at::Tensor& actual, const at::Tensor& wanted) {
  EXPECT_TRUE(at::allclose(actual, wanted, 1e-5, 1e-6)) << actual << wanted;
}

void expect_both_parts(PredictionType prediction, const at::Tensor& output, const NoiseLevel& level) {
  const Denoiser denoiser(constant(output), {.prediction = prediction}, {}, std::nullopt);
  const Denoised parts = denoiser(level.alpha * x0() + level.sigma * eps(), level);
  expect_close(parts.x0, x0());
  expect_close(parts.eps, eps());
}

const NoiseLevel& half_noise() {
  static const NoiseLevel level{.alpha = 0.8, .sigma = 0.6, .timestep = 500};
  return level;
}

const NoiseLevel& pure_noise() {
  static const NoiseLevel level{.alpha = 0, .sigma = 1, .timestep = 999};
  return level;
}

at::Tensor velocity(const NoiseLevel& level) { return level.alpha * eps() - level.sigma * x0(); }

TEST(Denoiser, SeparatesPictureAndNoiseByThePredictedNoise) {
  expect_both_parts(PredictionType::kEpsilon, eps(), half_noise());
}

TEST(Denoiser, SeparatesPictureAndNoiseByThePredictedVelocity) {
  expect_both_parts(PredictionType::kVelocity, velocity(half_noise()), half_noise());
}

TEST(Denoiser, SeparatesPictureAndNoiseByThePredictedPicture) {
  expect_both_parts(PredictionType::kSample, x0(), half_noise());
}

TEST(Denoiser, WorksWhereNothingOfThePictureIsLeft) {
  expect_both_parts(PredictionType::kVelocity, velocity(pure_noise()), pure_noise());
  expect_both_parts(PredictionType::kSample, x0(), pure_noise());
}

TEST(Denoiser, ClipsThePictureOnlyIfToldTo) {
  const Denoiser clipping(constant(x0() * 10), {.prediction = PredictionType::kSample, .clips_x0 = true}, {},
                          std::nullopt);
  const Denoiser plain(constant(x0() * 10), {.prediction = PredictionType::kSample}, {}, std::nullopt);
  EXPECT_LE(clipping(x0(), half_noise()).x0.abs().max().item<float>(), 1);
  EXPECT_GT(plain(x0(), half_noise()).x0.abs().max().item<float>(), 1);
}

Conditioning context_of(float value) { return {.context = at::full({1, 2, 3}, value)}; }

// Answers with the mean of the context, spread over a ramp; remembers the batch sizes it saw.
Predict echo_context(std::vector<std::int64_t>& rows) {
  return [&rows](const at::Tensor& latent, double, const Conditioning& conditioning) {
    rows.push_back(latent.size(0));
    return x0() * conditioning.context.mean({1, 2}).view({-1, 1, 1, 1});
  };
}

TEST(Denoiser, CallsTheNetworkOnceForBothHalvesNegativeFirst) {
  std::vector<std::int64_t> rows;
  const Denoiser denoiser(echo_context(rows), {.prediction = PredictionType::kSample, .guidance = 3}, context_of(2),
                          context_of(1));
  // u + w (c - u) = 1 + 3 (2 - 1) = 4
  expect_close(denoiser(eps(), half_noise()).x0, x0() * 4);
  EXPECT_EQ(rows, std::vector<std::int64_t>{2});
}

TEST(Denoiser, WithoutANegativeConditioningDoesNotDoubleTheBatch) {
  std::vector<std::int64_t> rows;
  const Denoiser denoiser(echo_context(rows), {.prediction = PredictionType::kSample, .guidance = 3}, context_of(2),
                          std::nullopt);
  expect_close(denoiser(eps(), half_noise()).x0, x0() * 2);
  EXPECT_EQ(rows, std::vector<std::int64_t>{1});
}

TEST(Denoiser, GuidanceOfOneIsTheConditionalOutput) {
  std::vector<std::int64_t> rows;
  const Denoiser denoiser(echo_context(rows), {.prediction = PredictionType::kSample, .guidance = 1}, context_of(2),
                          context_of(5));
  expect_close(denoiser(eps(), half_noise()).x0, x0() * 2);
}

at::Tensor rescaled_output(double rescale) {
  std::vector<std::int64_t> rows;
  const Denoiser denoiser(echo_context(rows),
                          {.prediction = PredictionType::kSample, .guidance = 3, .guidance_rescale = rescale},
                          context_of(2), context_of(1));
  return denoiser(eps(), half_noise()).x0;
}

// The conditional output is 2 x_0, the guided one 4 x_0: rescaling fully gives the conditional deviation back.
TEST(Denoiser, RescalingGivesTheDeviationOfTheConditionalOutputBack) {
  expect_close(rescaled_output(1), x0() * 2);
  expect_close(rescaled_output(0.5), x0() * 3);
  expect_close(rescaled_output(0), x0() * 4);
}

TEST(Denoiser, TellsTheNetworkTheTimestep) {
  double seen = 0;
  const Predict predict = [&](const at::Tensor& latent, double timestep, const Conditioning&) {
    seen = timestep;
    return latent;
  };
  const NoiseLevel level{.alpha = 0.6, .sigma = 0.8, .timestep = 12.625};
  static_cast<void>(Denoiser(predict, {}, {}, std::nullopt)(eps(), level));
  EXPECT_EQ(seen, 12.625);
}

}  // namespace
}  // namespace txt2img

#include "module/denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

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

TEST(Denoiser, SeparatesPictureAndNoiseOfFlowMatching) {
  const NoiseLevel level = flow_level(0.25, 250);
  const at::Tensor x = level.alpha * x0() + level.sigma * eps();
  const Denoiser denoiser(constant(eps() - x0()), {.prediction = PredictionType::kFlow}, {}, std::nullopt);
  const auto [found_x0, found_eps] = denoiser(x, level);
  expect_close(found_x0, x0());
  expect_close(found_eps, eps());
}

// Table 1 of arXiv 2206.00364: D(x) = c_skip x + c_out F(c_in x), where x here is c_in x already.
TEST(Denoiser, UndoesThePreconditioningOfEdm) {
  constexpr double kData = 0.5;
  constexpr double kSigma = 3;
  const NoiseLevel level = edm_level(kSigma, kData);
  const at::Tensor noisy = x0() + kSigma * eps();
  const double skip = kData * kData / (kSigma * kSigma + kData * kData);
  const double out = kSigma * kData / std::sqrt(kSigma * kSigma + kData * kData);
  const at::Tensor network = (x0() - skip * noisy) / out;
  const Denoiser plus(constant(network), {.sigma_data = kData}, {}, std::nullopt);
  expect_close(plus(level.alpha * noisy, level).x0, x0());
  expect_close(plus(level.alpha * noisy, level).eps, eps());
  const Denoiser minus(constant(-network), {.prediction = PredictionType::kVelocity, .sigma_data = kData}, {},
                       std::nullopt);
  expect_close(minus(level.alpha * noisy, level).x0, x0());
}

Denoised limited_to(const X0Limit& limit) {
  const Denoiser denoiser(constant(x0() * 10), {.prediction = PredictionType::kSample, .limit = limit}, {},
                          std::nullopt);
  return denoiser(x0(), half_noise());
}

TEST(Denoiser, ClipsThePictureOnlyIfToldTo) {
  EXPECT_LE(limited_to({.kind = X0Limit::Kind::kClip, .range = 0.5}).x0.abs().max().item<float>(), 0.5);
  EXPECT_GT(limited_to({}).x0.abs().max().item<float>(), 1);
}

TEST(Denoiser, ThresholdsByTheQuantileOfEachRow) {
  const at::Tensor rows = at::tensor({0.1, -0.5, 2.0, -4.0, 0.2, 0.1, -0.3, 0.4}).reshape({2, 1, 1, 4});
  const Denoiser denoiser(
      constant(rows),
      {.prediction = PredictionType::kSample, .limit = {.kind = X0Limit::Kind::kThreshold, .ratio = 2.0 / 3, .max = 9}},
      {}, std::nullopt);
  // |x| of the first row is 0.1 0.5 2 4, its quantile 2/3 is 2; the second row is below 1 and stays.
  const at::Tensor expected = at::tensor({0.05, -0.25, 1.0, -1.0, 0.2, 0.1, -0.3, 0.4}).reshape({2, 1, 1, 4});
  expect_close(denoiser(rows, half_noise()).x0, expected);
}

TEST(Denoiser, NoiseFollowsALimitedPictureOnlyIfToldTo) {
  using Kind = X0Limit::Kind;
  const Denoised kept = limited_to({.kind = Kind::kClip});
  expect_close(kept.eps, limited_to({}).eps);
  const Denoised felt = limited_to({.kind = Kind::kClip, .is_felt_by_eps = true});
  expect_close(half_noise().alpha * felt.x0 + half_noise().sigma * felt.eps, x0());
}

TEST(Denoiser, ListensToTheModelsLimitsAsTheReferenceDoes) {
  using Kind = X0Limit::Kind;
  const auto kind = [](SamplerKind sampler, const SchedulerConfig& config, const SamplerOptions& options = {}) {
    return denoiser_options(config, sampler, options).limit.kind;
  };
  const SchedulerConfig clips{.clip_sample = true};
  const SchedulerConfig thresholds{.clip_sample = true, .thresholding = true};
  EXPECT_EQ(kind(SamplerKind::kDdim, clips), Kind::kClip);
  EXPECT_EQ(kind(SamplerKind::kDdim, thresholds), Kind::kThreshold);
  EXPECT_EQ(kind(SamplerKind::kHeun, thresholds), Kind::kClip);
  EXPECT_EQ(kind(SamplerKind::kDpmpp2m, clips), Kind::kNone);
  EXPECT_EQ(kind(SamplerKind::kDpmpp2m, thresholds), Kind::kThreshold);
  EXPECT_EQ(kind(SamplerKind::kEuler, thresholds), Kind::kNone);
  EXPECT_EQ(kind(SamplerKind::kUnipc, thresholds, {.solver_prediction = SolverPrediction::kEpsilon}), Kind::kNone);
  EXPECT_EQ(kind(SamplerKind::kDdim, {}), Kind::kNone);
}

Conditioning context_of(float value) {
  Conditioning conditioning;
  conditioning[UnetInput::kContext] = at::full({1, 2, 3}, value);
  return conditioning;
}

// Answers with the mean of the context, spread over a ramp; remembers the batch sizes it saw.
Predict echo_context(std::vector<std::int64_t>& rows) {
  return [&rows](const at::Tensor& latent, double, const Conditioning& conditioning) {
    rows.push_back(latent.size(0));
    return x0() * conditioning[UnetInput::kContext].mean({1, 2}).view({-1, 1, 1, 1});
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

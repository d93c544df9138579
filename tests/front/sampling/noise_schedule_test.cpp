#include "txt2img/noise_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>

namespace txt2img {
namespace {

// Stable Diffusion's: scaled_linear, 0.00085 ... 0.012.
SchedulerConfig stable_diffusion() { return {}; }

SchedulerConfig zero_terminal_snr() { return {.rescale_betas_zero_snr = true}; }

TEST(NoiseSchedule, HasTheKnownNoiseRangeOfStableDiffusion) {
  const NoiseSchedule noise(stable_diffusion());
  EXPECT_EQ(noise.size(), 1000);
  EXPECT_NEAR(noise.ratios().front(), 0.0292, 1e-4);
  EXPECT_NEAR(noise.ratios().back(), 14.6146, 1e-4);
}

TEST(NoiseSchedule, KeepsTheVarianceAtEveryTimestep) {
  const NoiseSchedule noise(stable_diffusion());
  for (int t = 0; t < noise.size(); ++t) {
    const NoiseLevel level = noise.at(t);
    EXPECT_NEAR(level.alpha * level.alpha + level.sigma * level.sigma, 1, 1e-12);
    EXPECT_EQ(level.timestep, t);
  }
}

TEST(NoiseSchedule, NoiseGrowsWithTime) {
  for (const SchedulerConfig& config : {stable_diffusion(), zero_terminal_snr()}) {
    const NoiseSchedule noise(config);
    for (std::size_t t = 1; t < 1000; ++t) EXPECT_GT(noise.ratios()[t], noise.ratios()[t - 1]);
  }
}

TEST(NoiseSchedule, EndsAtExactlyNoSignalAtZeroTerminalSnr) {
  const NoiseSchedule noise(zero_terminal_snr());
  EXPECT_EQ(noise.at(999).alpha, 0);
  EXPECT_EQ(noise.at(999).sigma, 1);
  EXPECT_NEAR(noise.at(998).alpha, 0.0, 0.01);
  EXPECT_GT(noise.at(998).alpha, 0);
}

TEST(NoiseSchedule, RescalingKeepsTheFirstLevel) {
  const NoiseSchedule plain(stable_diffusion());
  const NoiseSchedule rescaled(zero_terminal_snr());
  EXPECT_NEAR(rescaled.at(0).alpha, plain.at(0).alpha, 1e-6);
}

// abar = 2^-24 stands for zero in the reference's sigma tables: sqrt((1 - 2^-24) / 2^-24) = 4096.
TEST(NoiseSchedule, HasAFiniteLastRatioAtZeroTerminalSnr) {
  const NoiseSchedule noise(zero_terminal_snr());
  EXPECT_NEAR(noise.ratios().back(), 4096, 1e-3);
}

TEST(NoiseSchedule, LinearBetasRunFromStartToEnd) {
  const NoiseSchedule noise(
      {.num_train_timesteps = 2, .beta_schedule = BetaSchedule::kLinear, .beta_start = 0.25, .beta_end = 0.5});
  EXPECT_FLOAT_EQ(noise.alphas_cumprod()[0], 0.75F);
  EXPECT_FLOAT_EQ(noise.alphas_cumprod()[1], 0.375F);
}

TEST(NoiseSchedule, ScaledLinearBetasAreLinearInTheirSquareRoots) {
  const NoiseSchedule noise({.num_train_timesteps = 3, .beta_start = 0.01, .beta_end = 0.09});
  EXPECT_NEAR(noise.alphas_cumprod()[0], 0.99, 1e-6);
  EXPECT_NEAR(noise.alphas_cumprod()[1] / noise.alphas_cumprod()[0], 1 - 0.04, 1e-6);
  EXPECT_NEAR(noise.alphas_cumprod()[2] / noise.alphas_cumprod()[1], 1 - 0.09, 1e-6);
}

// The products of 1 - beta telescope: abar_t = f((t+1)/T) / f(0) until the cap of 0.999 on beta.
TEST(NoiseSchedule, CosineBetasGiveTheCosine) {
  const NoiseSchedule noise({.beta_schedule = BetaSchedule::kSquaredcosCapV2});
  const auto f = [](double u) { return std::pow(std::cos((u + 0.008) / 1.008 * M_PI / 2), 2); };
  for (const int t : {0, 100, 500, 900}) {
    EXPECT_NEAR(noise.alphas_cumprod()[static_cast<std::size_t>(t)], f((t + 1) / 1000.0) / f(0), 1e-5);
  }
}

TEST(NoiseSchedule, TakesTrainedBetasAsTheyAre) {
  const NoiseSchedule noise(
      {.num_train_timesteps = 2, .beta_schedule = BetaSchedule::kTrained, .trained_betas = {0.5, 0.75}});
  EXPECT_FLOAT_EQ(noise.alphas_cumprod()[1], 0.125F);
}

TEST(NoiseSchedule, InterpolatesRatiosLinearly) {
  const NoiseSchedule noise(stable_diffusion());
  const double at_500 = noise.ratios()[500];
  const double at_501 = noise.ratios()[501];
  EXPECT_DOUBLE_EQ(noise.ratio_at(500), at_500);
  EXPECT_NEAR(noise.ratio_at(500.25), 0.75 * at_500 + 0.25 * at_501, 1e-12);
  EXPECT_DOUBLE_EQ(noise.ratio_at(-1), noise.ratios().front());
  EXPECT_DOUBLE_EQ(noise.ratio_at(5000), noise.ratios().back());
}

TEST(NoiseSchedule, FindsTheTimestepOfARatioAgain) {
  const NoiseSchedule noise(stable_diffusion());
  for (const int t : {0, 1, 500, 998, 999}) {
    EXPECT_NEAR(noise.timestep_of(noise.ratio_at(t)), t, 1e-3) << t;
  }
  const double between = std::sqrt(noise.ratio_at(10) * noise.ratio_at(11));
  EXPECT_NEAR(noise.timestep_of(between), 10.5, 1e-4);
  EXPECT_EQ(noise.timestep_of(0), 0);
  EXPECT_EQ(noise.timestep_of(1e9), 999);
}

TEST(NoiseLevel, HasTheRatioItWasMadeOf) {
  const NoiseLevel level = level_of_ratio(0.75, 12.5);
  EXPECT_NEAR(level.alpha, 0.8, 1e-12);
  EXPECT_NEAR(level.sigma, 0.6, 1e-12);
  EXPECT_EQ(level.timestep, 12.5);
}

TEST(NoiseLevel, OfAnInfiniteRatioIsPureNoise) {
  const NoiseLevel level = level_of_ratio(std::numeric_limits<double>::infinity(), 999);
  EXPECT_EQ(level.alpha, 0);
  EXPECT_EQ(level.sigma, 1);
}

}  // namespace
}  // namespace txt2img

#include "txt2img/sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {
namespace {

const std::vector<SamplerKind>& all_samplers() {
  static const std::vector<SamplerKind> kinds = [] {
    std::vector<SamplerKind> result;
    for (const SamplerInfo& sampler : samplers()) result.push_back(sampler.kind);
    return result;
  }();
  return kinds;
}

class EverySampler : public testing::TestWithParam<SamplerKind> {};
INSTANTIATE_TEST_SUITE_P(Sampler, EverySampler, testing::ValuesIn(all_samplers()),
                         [](const auto& instance) { return std::string(txt2img::info(instance.param).name); });

at::Tensor one_pixel(double value) { return at::full({1, 1, 1, 1}, value, at::kDouble); }

NoiseSource no_noise() {
  return [] { return at::zeros({1, 1, 1, 1}, at::kDouble); };
}

bool go_on(int /*done*/) { return true; }

// Levels evenly spaced in log(sigma/alpha) from `first` to `last`.
Trajectory log_even(double first, double last, int steps) {
  Trajectory trajectory;
  const auto level = [&](int i) {
    return level_of_ratio(first * std::pow(last / first, static_cast<double>(i) / steps), i);
  };
  for (int i = 0; i < steps; ++i) {
    trajectory.steps.push_back({.from = level(i), .to = level(i + 1), .index = i, .count = steps});
  }
  return trajectory;
}

// All probability on one point: x_0 is the same whatever x is.
Denoise point_mass(double point) {
  return [point](const at::Tensor& x, const NoiseLevel& level) {
    const at::Tensor x0 = at::full_like(x, point);
    return Denoised{.x0 = x0, .eps = (x - level.alpha * x0) / level.sigma};
  };
}

// Data N(0, d^2): x_0 = d^2 alpha x / v with v = d^2 alpha^2 + sigma^2, and the ODE keeps x / sqrt(v).
Denoise gaussian(double d) {
  return [d](const at::Tensor& x, const NoiseLevel& level) {
    const double v = d * d * level.alpha * level.alpha + level.sigma * level.sigma;
    return Denoised{.x0 = (d * d * level.alpha / v) * x, .eps = (level.sigma / v) * x};
  };
}

double run(SamplerKind kind, const Trajectory& trajectory, const Denoise& denoise, double start,
           const NoiseSource& noise = no_noise()) {
  const auto sampler = make_sampler(kind, {});
  return run_sampler(*sampler, trajectory, one_pixel(start), denoise, noise, go_on).item<double>();
}

// On Euler's levels, which end clean; DDIM's own may not where the steps do not divide the training timesteps.
TEST_P(EverySampler, LandsOnAPointMassFromAnyNumberOfSteps) {
  const SchedulerConfig config{.timestep_spacing = Spacing::kTrailing};
  for (const int steps : {1, 2, 3, 5, 14, 15, 16, 50}) {
    const Trajectory trajectory =
        plan_trajectory(NoiseSchedule(config), config, SamplerKind::kEuler, ScheduleKind::kModel, steps);
    EXPECT_NEAR(run(GetParam(), trajectory, point_mass(0.625), -1.5), 0.625, 1e-9) << steps;
  }
}

TEST_P(EverySampler, BeginsAtPureNoise) {
  const SchedulerConfig config{
      .timestep_spacing = Spacing::kTrailing, .set_alpha_to_one = true, .rescale_betas_zero_snr = true};
  Trajectory trajectory = plan_trajectory(NoiseSchedule(config), config, GetParam(), ScheduleKind::kModel, 10);
  trajectory.steps.front().from = level_of_ratio(std::numeric_limits<double>::infinity(), 999);
  EXPECT_NEAR(run(GetParam(), trajectory, point_mass(-0.5), 2), -0.5, 1e-9);
}

// Error of the ODE's solution on Gaussian data against the exact one.
double ode_error(SamplerKind kind, int steps) {
  constexpr double kDeviation = 0.5;
  const Trajectory trajectory = log_even(10, 0.1, steps);
  const auto scale = [](const NoiseLevel& level) {
    return std::sqrt(kDeviation * kDeviation * level.alpha * level.alpha + level.sigma * level.sigma);
  };
  const double exact = scale(trajectory.steps.back().to) / scale(trajectory.steps.front().from);
  return std::abs(run(kind, trajectory, gaussian(kDeviation), 1) - exact);
}

double measured_order(SamplerKind kind) { return std::log2(ode_error(kind, 100) / ode_error(kind, 200)); }

TEST(Sampler, EulerIsOfOrderOne) { EXPECT_NEAR(measured_order(SamplerKind::kEuler), 1, 0.1); }
TEST(Sampler, DdimIsOfOrderOne) { EXPECT_NEAR(measured_order(SamplerKind::kDdim), 1, 0.1); }
TEST(Sampler, Dpmpp2mIsOfOrderTwo) { EXPECT_NEAR(measured_order(SamplerKind::kDpmpp2m), 2, 0.15); }

TEST(Sampler, DdimWithoutEtaIsEuler) {
  const Trajectory trajectory = log_even(14, 0.03, 9);
  EXPECT_DOUBLE_EQ(run(SamplerKind::kDdim, trajectory, gaussian(0.7), 1.25),
                   run(SamplerKind::kEuler, trajectory, gaussian(0.7), 1.25));
}

// Two pixels that show the coefficients of eps and of the new noise in one step from a point mass at 0.
std::pair<double, double> noise_coefficients(SamplerKind kind, const SamplerOptions& options, const Step& step) {
  const at::Tensor eps = at::tensor({1.0, 0.0}, at::kDouble);
  const Denoise denoise = [&](const at::Tensor& x, const NoiseLevel&) {
    return Denoised{.x0 = at::zeros_like(x), .eps = eps};
  };
  const NoiseSource noise = [] { return at::tensor({0.0, 1.0}, at::kDouble); };
  const at::Tensor x = make_sampler(kind, options)->step(step.from.sigma * eps, step, denoise, noise);
  return {x[0].item<double>(), x[1].item<double>()};
}

const Step& middle_step() {
  static const Step step{.from = level_of_ratio(3, 700), .to = level_of_ratio(1, 500), .index = 3, .count = 10};
  return step;
}

TEST(Sampler, AncestralNoiseKeepsTheVariance) {
  const auto [down, up] = noise_coefficients(SamplerKind::kEulerAncestral, {}, middle_step());
  EXPECT_NEAR(down * down + up * up, std::pow(middle_step().to.sigma, 2), 1e-12);
  // s_up^2 = s'^2 (s^2 - s'^2) / s^2 in ratios, 3 to 1.
  EXPECT_NEAR(up / middle_step().to.alpha, std::sqrt(8.0 / 9.0), 1e-12);
}

TEST(Sampler, DdimNoiseKeepsTheVarianceAndGrowsWithEta) {
  double last = -1;
  for (const double eta : {0.0, 0.3, 1.0}) {
    const auto [down, up] = noise_coefficients(SamplerKind::kDdim, {.eta = eta}, middle_step());
    EXPECT_NEAR(down * down + up * up, std::pow(middle_step().to.sigma, 2), 1e-12);
    EXPECT_GT(up, last);
    last = up;
  }
}

// DDPM's posterior variance, equation 7 of arXiv 2006.11239: (1 - abar') / (1 - abar) (1 - abar / abar').
TEST(Sampler, DdimWithEtaOneHasTheVarianceOfDdpm) {
  const auto [down, up] = noise_coefficients(SamplerKind::kDdim, {.eta = 1}, middle_step());
  const auto squared = [](double x) { return x * x; };
  const NoiseLevel& from = middle_step().from;
  const NoiseLevel& to = middle_step().to;
  const double variance = squared(to.sigma) / squared(from.sigma) * (1 - squared(from.alpha) / squared(to.alpha));
  EXPECT_NEAR(up * up, variance, 1e-12);
}

int count_draws(SamplerKind kind, const SamplerOptions& options) {
  int draws = 0;
  const NoiseSource noise = [&] {
    ++draws;
    return one_pixel(0);
  };
  run_sampler(*make_sampler(kind, options), log_even(10, 0.1, 7), one_pixel(1), gaussian(1), noise, go_on);
  return draws;
}

// As the reference: a seed's stream must stay in step with it.
TEST(Sampler, DrawsNoiseAsOftenAsTheReference) {
  EXPECT_EQ(count_draws(SamplerKind::kDdim, {}), 0);
  EXPECT_EQ(count_draws(SamplerKind::kDdim, {.eta = 0.5}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kEuler, {}), 0);
  EXPECT_EQ(count_draws(SamplerKind::kEulerAncestral, {}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kDpmpp2m, {}), 0);
}

TEST_P(EverySampler, CallsTheDenoiserOnceAStepAtTheStepsLevel) {
  std::vector<double> seen;
  const Denoise denoise = [&](const at::Tensor& x, const NoiseLevel& level) {
    seen.push_back(level.timestep);
    return gaussian(1)(x, level);
  };
  run(GetParam(), log_even(10, 0.1, 4), denoise, 1);
  EXPECT_EQ(seen, (std::vector<double>{0, 1, 2, 3}));
}

TEST_P(EverySampler, TellsItsProgressAndStopsWhenAsked) {
  std::vector<int> told;
  const KeepGoing stop_at_two = [&](int done) {
    told.push_back(done);
    return done < 2;
  };
  try {
    run_sampler(*make_sampler(GetParam(), {}), log_even(10, 0.1, 5), one_pixel(1), gaussian(1), no_noise(),
                stop_at_two);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInterrupted);
  }
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2}));
}

TEST_P(EverySampler, NamesTheStepThatGaveNan) {
  const Denoise denoise = [](const at::Tensor& x, const NoiseLevel& level) {
    return point_mass(level.timestep == 2 ? std::numeric_limits<double>::quiet_NaN() : 0)(x, level);
  };
  try {
    run(GetParam(), log_even(10, 0.1, 5), denoise, 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("step 3 of 5"), std::string::npos) << error.what();
  }
}

TEST(Sampler, ScalesTheInitialNoise) {
  Trajectory trajectory = log_even(10, 0.1, 1);
  trajectory.init_scale = 0.25;
  double seen = 0;
  const Denoise denoise = [&](const at::Tensor& x, const NoiseLevel& level) {
    seen = x.item<double>();
    return gaussian(1)(x, level);
  };
  run(SamplerKind::kEuler, trajectory, denoise, 2);
  EXPECT_DOUBLE_EQ(seen, 0.5);
}

}  // namespace
}  // namespace txt2img

#include "sampler/sampler.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
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

// A run through these ratios sigma/alpha. The timesteps fall from 999, as LCM and the SA solver want to know.
Trajectory through(const std::vector<double>& ratios, SamplerKind kind = SamplerKind::kEuler) {
  Trajectory trajectory;
  const auto count = static_cast<int>(ratios.size()) - 1;
  const auto level = [&](int i) {
    return level_of_ratio(ratios[static_cast<std::size_t>(i)], 999 - 900.0 * i / count);
  };
  for (int i = 0; i < count; ++i) {
    const NoiseLevel from = level(i);
    const NoiseLevel to = level(i + 1);
    const double half = std::sqrt(from.sigma / from.alpha * to.sigma / to.alpha);
    const NoiseLevel mid = kind == SamplerKind::kTcd ? to : level_of_ratio(half, (from.timestep + to.timestep) / 2);
    trajectory.steps.push_back({.from = from, .to = to, .index = i, .count = count, .mid = mid});
  }
  return trajectory;
}

std::vector<double> log_even_ratios(double first, double last, int steps) {
  std::vector<double> ratios;
  for (int i = 0; i <= steps; ++i) ratios.push_back(first * std::pow(last / first, static_cast<double>(i) / steps));
  return ratios;
}

// Levels evenly spaced in log(sigma/alpha) from `first` to `last`.
Trajectory log_even(double first, double last, int steps, SamplerKind kind = SamplerKind::kEuler) {
  return through(log_even_ratios(first, last, steps), kind);
}

// The same, and a last step to no noise.
Trajectory log_even_to_zero(double first, double last, int steps, SamplerKind kind) {
  std::vector<double> ratios = steps > 1 ? log_even_ratios(first, last, steps - 1) : std::vector<double>{first};
  ratios.push_back(0);
  return through(ratios, kind);
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
  return run_sampler(*sampler, trajectory, start_from_noise(trajectory, one_pixel(start)), denoise, noise)
      .item<double>();
}

// PNDM visits one level twice: only its own plan will do.
bool runs_anywhere(SamplerKind kind) { return kind != SamplerKind::kPndm; }

TEST_P(EverySampler, LandsOnAPointMassFromAnyNumberOfSteps) {
  if (!runs_anywhere(GetParam())) return;
  for (const int steps : {1, 2, 3, 5, 14, 15, 16, 50}) {
    const Trajectory trajectory = log_even_to_zero(14.6, 0.03, steps, GetParam());
    EXPECT_NEAR(run(GetParam(), trajectory, point_mass(0.625), -1.5), 0.625, 1e-6) << steps;
  }
}

// A network is told the timestep only: in its warm-up PNDM asks at another level than it steps from.
TEST(Sampler, PndmLandsOnAPointMass) {
  const SchedulerConfig config{.set_alpha_to_one = true};
  const NoiseSchedule noise(config);
  const Denoise network = [&](const at::Tensor& x, const NoiseLevel& level) {
    return point_mass(0.625)(x, noise.at(static_cast<int>(level.timestep)));
  };
  for (const SolverType type : {SolverType::kPlms, SolverType::kPrk}) {
    const SamplerOptions options{.solver_type = type};
    const Trajectory trajectory = plan_trajectory(noise, config, SamplerKind::kPndm, ScheduleKind::kModel, 20, options);
    const auto sampler = make_sampler(SamplerKind::kPndm, options, config);
    const auto end =
        run_sampler(*sampler, trajectory, start_from_noise(trajectory, one_pixel(-1.5)), network, no_noise())
            .item<double>();
    EXPECT_NEAR(end, 0.625, 1e-9);
  }
}

// alpha = 0 at the first step.
TEST(Sampler, OnTimestepsOfTheTableBeginsAtPureNoise) {
  for (const SamplerKind kind : {SamplerKind::kDdpm, SamplerKind::kDdim, SamplerKind::kLcm, SamplerKind::kTcd}) {
    const SchedulerConfig config{
        .timestep_spacing = Spacing::kTrailing, .set_alpha_to_one = true, .rescale_betas_zero_snr = true};
    const Trajectory trajectory = plan_trajectory(NoiseSchedule(config), config, kind, ScheduleKind::kModel, 10);
    EXPECT_EQ(trajectory.steps.front().from.alpha, 0);
    EXPECT_NEAR(run(kind, trajectory, point_mass(-0.5), 2), -0.5, kind == SamplerKind::kTcd ? 0.1 : 1e-6);
  }
}

// Levels evenly spaced in log(sigma/alpha) but for the first ones, which begin with the square of that distance and
// double: a multistep method starts with steps of lower order, which are to add no more than its later ones.
std::vector<double> graded_ratios(double first, double last, int steps) {
  const double h = std::log(first / last) / steps;
  std::vector<double> ratios{first};
  double step = h * h;
  while (ratios.back() > last * std::exp(h / 2)) {
    ratios.push_back(ratios.back() * std::exp(-step));
    step = std::min(2 * step, h);
  }
  return ratios;
}

// Error of the ODE's solution on Gaussian data against the exact one.
double ode_error(SamplerKind kind, const SamplerOptions& options, int steps) {
  constexpr double kDeviation = 0.5;
  // The singlestep solver's groups begin anew by themselves.
  const bool is_multistep = kind != SamplerKind::kDpmpp2s;
  const Trajectory trajectory =
      through(is_multistep ? graded_ratios(100, 1, steps) : log_even_ratios(100, 1, steps), kind);
  const auto scale = [](const NoiseLevel& level) {
    return std::sqrt(kDeviation * kDeviation * level.alpha * level.alpha + level.sigma * level.sigma);
  };
  const double exact = scale(trajectory.steps.back().to) / scale(trajectory.steps.front().from);
  const auto sampler = make_sampler(kind, options);
  const at::Tensor end =
      run_sampler(*sampler, trajectory, start_from_noise(trajectory, one_pixel(1)), gaussian(kDeviation), no_noise());
  return std::abs(end.item<double>() - exact);
}

double measured_order(SamplerKind kind, const SamplerOptions& options = {}) {
  return std::log2(ode_error(kind, options, 96) / ode_error(kind, options, 192));
}

TEST(Sampler, HasTheOrderItClaims) {
  // Without the lower order at the end of a run.
  const auto order = [](SamplerKind kind, int solver_order, SolverType type = SolverType::kAuto) {
    return measured_order(kind, {.solver_order = solver_order, .solver_type = type, .lower_order_final = false});
  };
  EXPECT_NEAR(measured_order(SamplerKind::kEuler), 1, 0.1);
  EXPECT_NEAR(measured_order(SamplerKind::kDdim), 1, 0.1);
  EXPECT_NEAR(measured_order(SamplerKind::kHeun), 2, 0.1);
  EXPECT_NEAR(measured_order(SamplerKind::kDpm2), 2, 0.1);
  EXPECT_NEAR(measured_order(SamplerKind::kLms), 4, 0.2);
  EXPECT_NEAR(measured_order(SamplerKind::kIpndm), 2, 0.1);  // it takes its slopes for evenly spaced
  EXPECT_NEAR(order(SamplerKind::kDpmpp2m, 1), 1, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDpmpp2m, 2), 2, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDpmpp2m, 2, SolverType::kHeun), 2, 0.1);
  // The reference's term of third order, as its authors', has half the weight that a third order would need.
  EXPECT_NEAR(order(SamplerKind::kDpmpp3m, 3), 2, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDpmpp2s, 2), 2, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDpmpp2s, 3), 3, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDeis, 2), 2, 0.1);
  EXPECT_NEAR(order(SamplerKind::kDeis, 3), 3, 0.1);
  EXPECT_NEAR(order(SamplerKind::kUnipc, 1), 2, 0.1);  // the corrector adds one
  EXPECT_NEAR(order(SamplerKind::kUnipc, 2), 3, 0.1);
}

TEST(Sampler, MultistepSolversOfOrderOneAreDdim) {
  const Trajectory trajectory = log_even(14, 0.03, 9);
  const auto end = [&](SamplerKind kind, const SamplerOptions& options) {
    const auto sampler = make_sampler(kind, options);
    return run_sampler(*sampler, trajectory, start_from_noise(trajectory, one_pixel(1.25)), gaussian(0.7), no_noise())
        .item<double>();
  };
  const double ddim = end(SamplerKind::kDdim, {});
  for (const SamplerKind kind : {SamplerKind::kDpmpp2m, SamplerKind::kDpmpp2s, SamplerKind::kDeis, SamplerKind::kLms}) {
    EXPECT_NEAR(end(kind, {.solver_order = 1}), ddim, 1e-12) << info(kind).name;
  }
}

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
    return one_pixel(0.5);
  };
  run_sampler(*make_sampler(kind, options), log_even(10, 0.1, 7, kind), {.x = one_pixel(1)}, gaussian(1), noise);
  return draws;
}

// As the reference: a seed's stream must stay in step with it.
TEST(Sampler, DrawsNoiseAsOftenAsTheReference) {
  EXPECT_EQ(count_draws(SamplerKind::kDdim, {}), 0);
  EXPECT_EQ(count_draws(SamplerKind::kDdim, {.eta = 0.5}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kEuler, {}), 0);
  EXPECT_EQ(count_draws(SamplerKind::kEuler, {.s_churn = 5}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kEuler, {.s_churn = 5, .s_tmin = 0.5, .s_tmax = 6}), 4);
  EXPECT_EQ(count_draws(SamplerKind::kEulerAncestral, {}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kDpmpp2m, {}), 0);
  EXPECT_EQ(count_draws(SamplerKind::kDpmpp2mSde, {}), 7);
  EXPECT_EQ(count_draws(SamplerKind::kDpmppSde, {}), 14);
  EXPECT_EQ(count_draws(SamplerKind::kLcm, {}), 6);
  EXPECT_EQ(count_draws(SamplerKind::kTcd, {.eta = 0.5}), 6);
  EXPECT_EQ(count_draws(SamplerKind::kLangevin, {.corrector_steps = 3}), 28);
}

// What one draw of the run adds to its end.
double response(SamplerKind kind, const SamplerOptions& options, const Trajectory& trajectory, double start, int draw) {
  int drawn = 0;
  const NoiseSource noise = [&] { return one_pixel(drawn++ == draw ? 1 : 0); };
  const auto sampler = make_sampler(kind, options);
  return run_sampler(*sampler, trajectory, start_from_noise(trajectory, one_pixel(start)), gaussian(1), noise)
      .item<double>();
}

// Each sampler but Langevin's is linear in its noise on Gaussian data: its variance is a sum of squares.
double theoretical_variance(SamplerKind kind, const SamplerOptions& options, const Trajectory& trajectory) {
  double variance = std::pow(response(kind, options, trajectory, 1, -1), 2);
  const int draws_at_most = 2 * static_cast<int>(trajectory.steps.size());
  for (int i = 0; i < draws_at_most; ++i) variance += std::pow(response(kind, options, trajectory, 0, i), 2);
  return variance;
}

struct Stochastic {
  SamplerKind kind;
  SamplerOptions options;
};

const std::vector<Stochastic>& stochastic_samplers() {
  static const std::vector<Stochastic> all{
      {SamplerKind::kDdpm, {}},           {SamplerKind::kDdim, {.eta = 1}},  {SamplerKind::kEuler, {.s_churn = 20}},
      {SamplerKind::kEulerAncestral, {}}, {SamplerKind::kDpm2Ancestral, {}}, {SamplerKind::kDpmpp2mSde, {}},
      {SamplerKind::kDpmppSde, {}},       {SamplerKind::kSaSolver, {}}};
  return all;
}

// The marginals of the diffusion are N(0, 1) at every level if the data is, so that is what many steps end with.
TEST(Sampler, KeepsTheVarianceOfGaussianDataInManySteps) {
  for (const auto& [kind, options] : stochastic_samplers()) {
    if (kind == SamplerKind::kEuler) continue;  // the reference churns after the network has seen x, which adds some
    const Trajectory trajectory = log_even(100, 0.01, 120, kind);
    EXPECT_NEAR(theoretical_variance(kind, options, trajectory), 1, 0.1) << info(kind).name;
  }
}

// A run of independent pixels, 2^18 of them: their sample variance is within 0.3 % of its theory (one deviation).
TEST(Sampler, HasTheVarianceOfItsTheory) {
  for (const auto& [kind, options] : stochastic_samplers()) {
    const Trajectory trajectory = log_even(14, 0.03, 12, kind);
    const double theory = theoretical_variance(kind, options, trajectory);
    at::Generator generator = at::detail::createCPUGenerator(5);
    const auto draw = [&] { return at::randn({1, 1, 512, 512}, generator, at::kDouble); };
    const at::Tensor start = draw();
    const at::Tensor end =
        run_sampler(*make_sampler(kind, options), trajectory, start_from_noise(trajectory, start), gaussian(1), draw);
    EXPECT_NEAR(end.var().item<double>() / theory, 1, 0.01) << info(kind).name;
  }
}

// Langevin dynamics of step s on N(0, 1) keeps the variance v = 2 / (2 - s); with s = 2 r^2 / v that is v = 1 + r^2.
TEST(Sampler, LangevinIsStationaryOnAGaussianScore) {
  at::Generator generator = at::detail::createCPUGenerator(6);
  const auto draw = [&] { return at::randn({1, 1, 512, 512}, generator, at::kDouble); };
  const SamplerOptions options{.solver_type = SolverType::kCorrector, .snr = 0.16, .corrector_steps = 150};
  const NoiseLevel level = level_of_ratio(1, 500);
  const Step step{.from = level, .to = level, .index = 0, .count = 2};
  const at::Tensor start = 0.2 * draw();
  const at::Tensor end = make_sampler(SamplerKind::kLangevin, options)->step(start, step, gaussian(1), draw);
  EXPECT_NEAR(end.var().item<double>(), 1 + 0.16 * 0.16, 0.01);
}

TEST(Sampler, AnnealedLangevinDynamicsFindsGaussianData) {
  at::Generator generator = at::detail::createCPUGenerator(8);
  const auto draw = [&] { return at::randn({1, 1, 256, 256}, generator, at::kDouble); };
  const SamplerOptions options{.solver_type = SolverType::kCorrector, .corrector_steps = 100};
  const Trajectory trajectory = log_even(20, 0.05, 10, SamplerKind::kLangevin);
  const at::Tensor end = run_sampler(*make_sampler(SamplerKind::kLangevin, options), trajectory,
                                     start_from_noise(trajectory, draw()), gaussian(0.5), draw);
  EXPECT_NEAR(end.std().item<double>() / trajectory.steps.back().to.alpha, 0.5, 0.02);
}

// Each picture's correction has a size of its own.
TEST(Sampler, LangevinDoesNotLookAtTheNeighbour) {
  const NoiseSource noise = [] { return at::full({2, 1, 1, 2}, 0.7, at::kDouble); };
  const Step step{.from = level_of_ratio(2, 600), .to = level_of_ratio(1, 500), .index = 0, .count = 3};
  const at::Tensor pair = at::tensor({1.0, 2.0, -30.0, 4.0}, at::kDouble).reshape({2, 1, 1, 2});
  const at::Tensor both = make_sampler(SamplerKind::kLangevin, {})->step(pair, step, gaussian(0.8), noise);
  const NoiseSource one_noise = [] { return at::full({1, 1, 1, 2}, 0.7, at::kDouble); };
  const at::Tensor alone =
      make_sampler(SamplerKind::kLangevin, {})->step(pair.narrow(0, 0, 1), step, gaussian(0.8), one_noise);
  EXPECT_TRUE(at::allclose(both.narrow(0, 0, 1), alone, 1e-12, 1e-12));
}

// The second stage's noise is that of one Brownian path over both: N(0, 1), and correlated with the first's.
TEST(Sampler, DpmppSdeTakesBothNoisesFromOnePath) {
  const Step step{.from = level_of_ratio(4, 800),
                  .to = level_of_ratio(1, 400),
                  .index = 0,
                  .count = 2,
                  .mid = level_of_ratio(2, 600)};
  const Denoise nothing = [](const at::Tensor& x, const NoiseLevel&) {
    return Denoised{.x0 = at::zeros_like(x), .eps = at::zeros_like(x)};
  };
  const auto end = [&](int draw) {
    int drawn = 0;
    const NoiseSource noise = [&] { return one_pixel(drawn++ == draw ? 1 : 0); };
    return make_sampler(SamplerKind::kDpmppSde, {})->step(one_pixel(0), step, nothing, noise).item<double>();
  };
  const double up = step.to.sigma * std::sqrt(1 - 1.0 / 16);  // s_up = s' sqrt(1 - (s'/s)^2)
  EXPECT_NEAR(end(0), up * std::sqrt(2.0 / 3), 1e-12);        // 4 to 2 of 4 to 1
  EXPECT_NEAR(end(1), up * std::sqrt(1.0 / 3), 1e-12);
}

TEST_P(EverySampler, CallsTheDenoiserAsOftenAsItsTableSays) {
  std::vector<double> seen;
  const Denoise denoise = [&](const at::Tensor& x, const NoiseLevel& level) {
    seen.push_back(level.timestep);
    return gaussian(1)(x, level);
  };
  const NoiseSource noise = [] { return one_pixel(0.3); };
  const Trajectory trajectory = log_even(10, 0.1, 4, GetParam());
  run(GetParam(), trajectory, denoise, 1, noise);
  const auto calls = static_cast<std::size_t>(info(GetParam()).calls_per_step);
  ASSERT_EQ(seen.size(), 4 * calls);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(seen[i * calls], trajectory.steps[i].from.timestep);
}

TEST_P(EverySampler, TellsItsProgressAndStopsWhenAsked) {
  std::vector<int> told;
  StepHooks hooks;
  hooks.keep_going = [&](int done) {
    told.push_back(done);
    return done < 2;
  };
  try {
    run_sampler(*make_sampler(GetParam(), {}), log_even(10, 0.1, 5, GetParam()), {.x = one_pixel(1)}, gaussian(1),
                no_noise(), hooks);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInterrupted);
  }
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2}));
}

TEST_P(EverySampler, NamesTheStepThatGaveNan) {
  const Denoise denoise = [](const at::Tensor& x, const NoiseLevel& level) {
    const bool is_third = level.timestep <= 999 - 900.0 * 2 / 5;
    return point_mass(is_third ? std::numeric_limits<double>::quiet_NaN() : 0)(x, level);
  };
  try {
    run(GetParam(), log_even(10, 0.1, 5, GetParam()), denoise, 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("of 5"), std::string::npos) << error.what();
  }
}

TEST(Sampler, ScalesTheLatentAtTheEnd) {
  Trajectory trajectory = log_even(10, 0.1, 1);
  const double plain = run(SamplerKind::kEuler, trajectory, gaussian(1), 2);
  trajectory.final_scale = 2;
  EXPECT_DOUBLE_EQ(run(SamplerKind::kEuler, trajectory, gaussian(1), 2), 2 * plain);
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

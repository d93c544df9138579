#include "sampler/start.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/expect_error.h"
#include "sampler/sampler.h"

namespace txt2img {
namespace {

constexpr double kPoint = 0.625;

at::Tensor pixel(double value) { return at::full({1, 1, 1, 1}, value, at::kDouble); }

NoiseSource some_noise() {
  return [] { return pixel(0.4); };
}

Trajectory of_length(int steps) {
  Trajectory trajectory;
  trajectory.steps.resize(static_cast<std::size_t>(steps));
  return trajectory;
}

std::size_t steps_left_out(int steps, double strength) {
  return start_from_latent(of_length(steps), pixel(0), pixel(0), strength).first_step;
}

TEST(Start, FromNoiseHasTheScaleOfTheTrajectory) {
  const Start start = start_from_noise({.steps = {}, .init_scale = 3}, pixel(2));
  EXPECT_EQ(start.x.item<double>(), 6);
  EXPECT_EQ(start.first_step, 0U);
}

// The last five are those of all two-decimal strengths and up to 100 steps whose product falls below the exact value.
TEST(Start, FromALatentLeavesOutAsManyStepsAsTheReference) {
  EXPECT_EQ(steps_left_out(20, 1), 0U);
  EXPECT_EQ(steps_left_out(20, 0.75), 5U);
  EXPECT_EQ(steps_left_out(4, 0.3), 3U);
  EXPECT_EQ(50 - steps_left_out(50, 0.58), 28U);
  EXPECT_EQ(90 - steps_left_out(90, 0.70), 62U);
  EXPECT_EQ(100 - steps_left_out(100, 0.29), 28U);
  EXPECT_EQ(100 - steps_left_out(100, 0.57), 56U);
  EXPECT_EQ(100 - steps_left_out(100, 0.58), 57U);
}

TEST(Start, FromALatentIsAtTheLevelOfTheFirstStep) {
  Trajectory trajectory = of_length(4);
  trajectory.steps[3].from = {.alpha = 0.8, .sigma = 0.6, .timestep = 100};
  EXPECT_DOUBLE_EQ(start_from_latent(trajectory, pixel(2), pixel(-1), 0.25).x.item<double>(), 0.8 * 2 - 0.6);
}

TEST(Start, SaysWhichStrengthRunsAStep) {
  EXPECT_EQ(expect_error(ExitCode::kUsage, [] { steps_left_out(48, 0.01); }),
            "strength: none of 48 steps would be run; give at least 0.0209, or more steps");
  EXPECT_EQ(steps_left_out(48, 0.0209), 47U);
  for (const double strength : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()})
    expect_error(ExitCode::kUsage, [&] { steps_left_out(10, strength); });
}

struct Model {
  std::string name;
  SchedulerConfig config{};
};

const std::vector<Model>& models() {
  static const std::vector<Model> all{
      {"eps", {.set_alpha_to_one = true}},
      {"velocity", {.prediction_type = PredictionType::kVelocity, .set_alpha_to_one = true}},
      {"edm", {.prediction_type = PredictionType::kEpsilon, .sigma_data = 0.5, .sigma_min = 0.002, .sigma_max = 80}},
      {"flow", {.prediction_type = PredictionType::kFlow, .shift = 3}}};
  return all;
}

// x_0 is the same whatever x is. A network is told the timestep only: in its warm-up PNDM asks at another level than it
// steps from.
Denoise point_mass(const SchedulerConfig& config, SamplerKind sampler) {
  return [noise = NoiseSchedule(config), sampler](const at::Tensor& x, const NoiseLevel& given) {
    const NoiseLevel level = sampler == SamplerKind::kPndm ? noise.at(static_cast<int>(given.timestep)) : given;
    const at::Tensor x0 = at::full_like(x, kPoint);
    return Denoised{.x0 = x0, .eps = (x - level.alpha * x0) / level.sigma};
  };
}

// How far from the point a run ends from each start, at most.
double error_from_any_start(const Model& model, SamplerKind kind, const Trajectory& trajectory) {
  double largest = 0;
  for (int k = 1; k <= 8; ++k) {
    const Start start = start_from_latent(trajectory, pixel(kPoint), pixel(-1.5), k / 8.0);
    const auto sampler = make_sampler(kind, {}, model.config);
    const at::Tensor end = run_sampler(*sampler, trajectory, start, point_mass(model.config, kind), some_noise());
    const double error = std::abs(end.item<double>() - kPoint);
    largest = std::isnan(error) ? error : std::max(largest, error);
  }
  return largest;
}

// Runs that do not end clean keep the noise of their last level; TCD's jumps do not either.
double allowed(SamplerKind kind, const Trajectory& trajectory) {
  const NoiseLevel& last = trajectory.steps.back().to;
  return 1e-6 + 3 * last.sigma / last.alpha + (kind == SamplerKind::kTcd ? 0.1 : 0);
}

// PNDM asks for eps at the timestep that it is told, and strides past those of linspace.
bool is_exact(SamplerKind kind, const Model& model, ScheduleKind schedule) {
  return kind != SamplerKind::kPndm || (model.name == "eps" && schedule != ScheduleKind::kLinspace);
}

class EveryStart : public testing::TestWithParam<SamplerKind> {};
INSTANTIATE_TEST_SUITE_P(Start, EveryStart, testing::ValuesIn([] {
                           std::vector<SamplerKind> kinds;
                           for (const SamplerInfo& sampler : samplers()) kinds.push_back(sampler.kind);
                           return kinds;
                         }()),
                         [](const auto& instance) { return std::string(txt2img::info(instance.param).name); });

TEST_P(EveryStart, LeadsToThePointMassWithEverySchedule) {
  int runs = 0;
  for (const Model& model : models()) {
    for (const ScheduleInfo& schedule : schedules()) {
      if (!is_exact(GetParam(), model, schedule.kind)) continue;
      Trajectory trajectory;
      try {
        trajectory = plan_trajectory(NoiseSchedule(model.config), model.config, GetParam(), schedule.kind, 8);
      } catch (const Error&) {
        continue;  // they do not go together
      }
      EXPECT_LE(error_from_any_start(model, GetParam(), trajectory), allowed(GetParam(), trajectory))
          << model.name << " " << schedule.name;
      ++runs;
    }
  }
  EXPECT_GT(runs, 0);
}

// Data N(0, 1/4), so that x_0 depends on x.
Denoised gaussian(const at::Tensor& x, const NoiseLevel& level) {
  const double v = level.alpha * level.alpha / 4 + level.sigma * level.sigma;
  return {.x0 = (level.alpha / 4 / v) * x, .eps = (level.sigma / v) * x};
}

// Samplers that remember nothing end as a run does that has made the first steps, too.
TEST_P(EveryStart, IsThatOfAWholeRunForSamplersWithoutMemory) {
  if (info(GetParam()).method == SamplerMethod::kMultistep || GetParam() == SamplerKind::kDpmpp2s) return;
  const SchedulerConfig& config = models()[info(GetParam()).name.starts_with("edm") ? 2 : 0].config;
  const Trajectory trajectory = plan_trajectory(NoiseSchedule(config), config, GetParam(), ScheduleKind::kModel, 6);
  std::vector<at::Tensor> between;
  StepHooks hooks;
  hooks.amend = [&](const at::Tensor& x, const Step&) { return between.emplace_back(x); };
  const auto run = [&](const Start& start, const StepHooks& with) {
    return run_sampler(*make_sampler(GetParam(), {}, config), trajectory, start, gaussian, some_noise(), with);
  };
  const at::Tensor whole = run(start_from_noise(trajectory, pixel(1)), hooks);
  for (std::size_t first = 1; first < trajectory.steps.size(); ++first)
    EXPECT_TRUE(at::equal(run({.x = between[first - 1], .first_step = first}, {}), whole)) << first;
}

// PLMS, which warms up by a further call: from the middle as on a trajectory that begins there.
TEST(Start, PndmWarmsUpWhereverItStarts) {
  const SchedulerConfig& config = models()[0].config;
  const Trajectory whole = plan_trajectory(NoiseSchedule(config), config, SamplerKind::kPndm, ScheduleKind::kModel, 10);
  const std::size_t first = 4;
  Trajectory rest{.steps = {whole.steps.begin() + first, whole.steps.end()}};
  Step again = rest.steps[0];
  again.from.timestep = rest.steps[1].from.timestep;
  again.is_further_call = true;
  rest.steps.insert(rest.steps.begin() + 1, again);
  for (std::size_t i = 0; i < rest.steps.size(); ++i) {
    rest.steps[i].index = static_cast<int>(i);
    rest.steps[i].count = static_cast<int>(rest.steps.size());
  }
  const NoiseSchedule noise(config);
  const Denoise network = [&](const at::Tensor& x, const NoiseLevel& level) {
    const at::Tensor eps = gaussian(x, noise.at(static_cast<int>(level.timestep))).eps;
    return Denoised{.x0 = (x - level.sigma * eps) / level.alpha, .eps = eps};
  };
  const auto run = [&](const Trajectory& trajectory, std::size_t at) {
    const auto sampler = make_sampler(SamplerKind::kPndm, {}, config);
    return run_sampler(*sampler, trajectory, {.x = pixel(1), .first_step = at}, network, some_noise()).item<double>();
  };
  EXPECT_NEAR(run(whole, first), run(rest, 0), 1e-12);
}

TEST(Start, NoRunStartsAtAFurtherCall) {
  const SchedulerConfig& config = models()[0].config;
  const auto first_of = [&](SolverType type, double strength) {
    const Trajectory trajectory = plan_trajectory(NoiseSchedule(config), config, SamplerKind::kPndm,
                                                  ScheduleKind::kModel, 10, {.solver_type = type});
    return start_from_latent(trajectory, pixel(0), pixel(0), strength).first_step;
  };
  EXPECT_EQ(first_of(SolverType::kPlms, 1), 0U);
  EXPECT_EQ(first_of(SolverType::kPlms, 0.9), 2U);
  EXPECT_EQ(first_of(SolverType::kPrk, 0.9), 4U);
  EXPECT_EQ(first_of(SolverType::kPrk, 0.7), 12U);
}

TEST(StepHooks, SeeEachAnswerOfTheNetworkAndChangeWhatASamplerGoesOnWith) {
  const SchedulerConfig& config = models()[0].config;
  const Trajectory trajectory =
      plan_trajectory(NoiseSchedule(config), config, SamplerKind::kHeun, ScheduleKind::kModel, 3);
  std::vector<int> seen;
  std::vector<int> done;
  StepHooks hooks;
  hooks.seen = [&](const Step& step, const Denoised& denoised) {
    seen.push_back(step.index);
    EXPECT_EQ(denoised.x0.item<double>(), kPoint);
  };
  hooks.amend = [](const at::Tensor& x, const Step& step) { return step.is_last() ? x + 1 : x; };
  hooks.keep_going = [&](int count) {
    done.push_back(count);
    return true;
  };
  const at::Tensor end = run_sampler(*make_sampler(SamplerKind::kHeun, {}, config), trajectory,
                                     start_from_latent(trajectory, pixel(0), pixel(1), 0.7),
                                     point_mass(config, SamplerKind::kHeun), some_noise(), hooks);
  EXPECT_NEAR(end.item<double>(), kPoint + 1, 1e-9);
  EXPECT_EQ(seen, (std::vector<int>{1, 1, 2}));
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace txt2img

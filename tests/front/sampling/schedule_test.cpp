#include "txt2img/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "fixtures/expect_error.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

Trajectory plan(SamplerKind sampler, ScheduleKind schedule, int steps, const SchedulerConfig& config = {},
                const SamplerOptions& options = {}) {
  return plan_trajectory(NoiseSchedule(config), config, sampler, schedule, steps, options);
}

std::vector<double> timesteps(const Trajectory& trajectory) {
  std::vector<double> result;
  for (const Step& step : trajectory.steps) result.push_back(step.from.timestep);
  return result;
}

double ratio(const NoiseLevel& level) { return level.sigma / level.alpha; }

TEST(Schedule, LeadingStepsAreStridesAboveTheOffset) {
  EXPECT_EQ(timesteps(plan(SamplerKind::kDdim, ScheduleKind::kLeading, 4)), (std::vector<double>{751, 501, 251, 1}));
  EXPECT_EQ(timesteps(plan(SamplerKind::kEuler, ScheduleKind::kLeading, 4)), (std::vector<double>{751, 501, 251, 1}));
}

TEST(Schedule, LeadingStepsOfASolverLeaveRoomForOneMore) {
  EXPECT_EQ(timesteps(plan(SamplerKind::kDpmpp2m, ScheduleKind::kLeading, 4)),
            (std::vector<double>{801, 601, 401, 201}));
}

TEST(Schedule, TrailingStepsBeginAtTheEndOfTraining) {
  for (const SamplerKind sampler : {SamplerKind::kDdim, SamplerKind::kEuler, SamplerKind::kDpmpp2m}) {
    EXPECT_EQ(timesteps(plan(sampler, ScheduleKind::kTrailing, 4)), (std::vector<double>{999, 749, 499, 249}));
    // 1000/3 rounds to the nearest timestep each time.
    EXPECT_EQ(timesteps(plan(sampler, ScheduleKind::kTrailing, 3)), (std::vector<double>{999, 666, 332}));
  }
}

TEST(Schedule, TrailingHasAsManyStepsAsAskedFor) {
  for (int steps = 1; steps <= 1000; ++steps) {
    const Trajectory trajectory = plan(SamplerKind::kEuler, ScheduleKind::kTrailing, steps);
    ASSERT_EQ(trajectory.steps.size(), static_cast<std::size_t>(steps));
    ASSERT_GE(trajectory.steps.back().from.timestep, 0);
  }
}

TEST(Schedule, LinspaceIsRoundedForDdimAndFractionalForEuler) {
  EXPECT_EQ(timesteps(plan(SamplerKind::kDdim, ScheduleKind::kLinspace, 3)), (std::vector<double>{999, 500, 0}));
  EXPECT_EQ(timesteps(plan(SamplerKind::kEuler, ScheduleKind::kLinspace, 3)), (std::vector<double>{999, 499.5, 0}));
  EXPECT_EQ(timesteps(plan(SamplerKind::kDpmpp2m, ScheduleKind::kLinspace, 3)), (std::vector<double>{999, 666, 333}));
}

TEST(Schedule, TheModelsOwnIsItsSpacing) {
  const SchedulerConfig config{.timestep_spacing = Spacing::kTrailing};
  EXPECT_EQ(timesteps(plan(SamplerKind::kEuler, ScheduleKind::kModel, 7, config)),
            timesteps(plan(SamplerKind::kEuler, ScheduleKind::kTrailing, 7, config)));
}

TEST(Schedule, EachStepOfASolverBeginsWhereTheLastEnded) {
  for (const SamplerKind sampler : {SamplerKind::kEuler, SamplerKind::kEulerAncestral, SamplerKind::kDpmpp2m}) {
    for (const ScheduleInfo& schedule : schedules()) {
      const Trajectory trajectory = plan(sampler, schedule.kind, 12);
      for (std::size_t i = 1; i < trajectory.steps.size(); ++i) {
        EXPECT_EQ(trajectory.steps[i].from, trajectory.steps[i - 1].to) << schedule.name;
      }
      EXPECT_TRUE(trajectory.steps.back().is_last());
      EXPECT_EQ(trajectory.steps.back().to.sigma, 0);
    }
  }
}

TEST(Schedule, KarrasIsEvenInTheSeventhRootOfTheRatio) {
  const Trajectory trajectory =
      plan(SamplerKind::kEuler, ScheduleKind::kKarras, 11, {.timestep_spacing = Spacing::kLinspace});
  const auto root = [&](std::size_t i) { return std::pow(ratio(trajectory.steps[i].from), 1 / 7.0); };
  for (std::size_t i = 1; i + 1 < 11; ++i) EXPECT_NEAR(root(i), (root(i - 1) + root(i + 1)) / 2, 1e-6);
  EXPECT_NEAR(ratio(trajectory.steps.front().from), 14.6146, 1e-4);
  EXPECT_NEAR(ratio(trajectory.steps.back().from), 0.0292, 1e-4);
}

TEST(Schedule, ExponentialIsEvenInTheLogarithmOfTheRatio) {
  const Trajectory trajectory = plan(SamplerKind::kDpmpp2m, ScheduleKind::kExponential, 11);
  const auto log_ratio = [&](std::size_t i) { return std::log(ratio(trajectory.steps[i].from)); };
  for (std::size_t i = 1; i + 1 < 11; ++i) EXPECT_NEAR(log_ratio(i), (log_ratio(i - 1) + log_ratio(i + 1)) / 2, 1e-6);
}

TEST(Schedule, DdimStepsDownByEqualStridesWhateverTheSpacing) {
  const Trajectory trajectory = plan(SamplerKind::kDdim, ScheduleKind::kLinspace, 4);
  EXPECT_EQ(timesteps(trajectory), (std::vector<double>{999, 666, 333, 0}));
  EXPECT_EQ(trajectory.steps[0].to.timestep, 749);
}

TEST(Schedule, DdimEndsAtTheFirstLevelUnlessToldToEndClean) {
  const SchedulerConfig stays{.set_alpha_to_one = false};
  const SchedulerConfig ends{.set_alpha_to_one = true};
  EXPECT_EQ(plan(SamplerKind::kDdim, ScheduleKind::kModel, 10, stays).steps.back().to, NoiseSchedule(stays).at(0));
  EXPECT_EQ(plan(SamplerKind::kDdim, ScheduleKind::kModel, 10, ends).steps.back().to.alpha, 1);
}

TEST(Schedule, CanEndAtTheLeastNoiseOfTheModel) {
  const SchedulerConfig config{.final_sigmas_type = FinalSigma::kSigmaMin};
  EXPECT_NEAR(ratio(plan(SamplerKind::kEuler, ScheduleKind::kModel, 10, config).steps.back().to), 0.0292, 1e-4);
  EXPECT_NEAR(ratio(plan(SamplerKind::kDpmpp2m, ScheduleKind::kModel, 10, config).steps.back().to), 0.0292, 1e-4);
  EXPECT_EQ(plan(SamplerKind::kEulerAncestral, ScheduleKind::kModel, 10, config).steps.back().to.sigma, 0);
}

TEST(Schedule, EulerStartsWithTheNoiseOfItsFirstLevel) {
  const Trajectory trailing = plan(SamplerKind::kEuler, ScheduleKind::kTrailing, 10);
  EXPECT_DOUBLE_EQ(trailing.init_scale, trailing.steps.front().from.sigma);
  EXPECT_LT(trailing.init_scale, 1);
  EXPECT_EQ(plan(SamplerKind::kEuler, ScheduleKind::kLeading, 10).init_scale, 1);
  EXPECT_EQ(plan(SamplerKind::kDdim, ScheduleKind::kTrailing, 10).init_scale, 1);
}

TEST(Schedule, BeginsAtPureNoiseForDdimAtZeroTerminalSnr) {
  const SchedulerConfig config{.timestep_spacing = Spacing::kTrailing, .rescale_betas_zero_snr = true};
  EXPECT_EQ(plan(SamplerKind::kDdim, ScheduleKind::kModel, 10, config).steps.front().from.alpha, 0);
  EXPECT_NEAR(ratio(plan(SamplerKind::kEuler, ScheduleKind::kModel, 10, config).steps.front().from), 4096, 1e-2);
}

TEST(Schedule, EverySamplerHasAPlanForItsOwnSpacing) {
  for (const SamplerInfo& sampler : samplers()) {
    SchedulerConfig config;
    const bool is_edm = sampler.kind == SamplerKind::kEdmEuler || sampler.kind == SamplerKind::kEdmDpmpp2m;
    if (is_edm) config.sigma_data = 0.5;
    const Trajectory trajectory = plan(sampler.kind, ScheduleKind::kModel, 12, config);
    EXPECT_EQ(trajectory.steps.size(), sampler.kind == SamplerKind::kPndm ? 13U : 12U) << sampler.name;
    for (std::size_t i = 0; i < trajectory.steps.size(); ++i) {
      const Step& step = trajectory.steps[i];
      EXPECT_EQ(step.index, static_cast<int>(i)) << sampler.name;
      EXPECT_EQ(step.count, static_cast<int>(trajectory.steps.size())) << sampler.name;
      EXPECT_LE(step.to.sigma, step.from.sigma) << sampler.name;
    }
  }
}

TEST(Schedule, TwoStagesHaveTheSecondHalfWayInLogSigma) {
  for (const SamplerKind sampler : {SamplerKind::kDpm2, SamplerKind::kDpmppSde}) {
    const Trajectory trajectory = plan(sampler, ScheduleKind::kKarras, 8);
    const Step& step = trajectory.steps[3];
    EXPECT_NEAR(ratio(step.mid), std::sqrt(ratio(step.from) * ratio(step.to)), 1e-6);
    EXPECT_LT(step.mid.timestep, step.from.timestep);
    EXPECT_GT(step.mid.timestep, step.to.timestep);
    EXPECT_EQ(trajectory.steps.back().mid.sigma, 0);
  }
}

TEST(Schedule, PndmRedoesItsFirstStep) {
  EXPECT_EQ(timesteps(plan(SamplerKind::kPndm, ScheduleKind::kLeading, 4)),
            (std::vector<double>{751, 501, 501, 251, 1}));
}

TEST(Schedule, PndmWarmsUpWithTwelveCallsOfRungeAndKutta) {
  const SamplerOptions prk{.solver_type = SolverType::kPrk};
  EXPECT_EQ(timesteps(plan(SamplerKind::kPndm, ScheduleKind::kLeading, 5, {}, prk)),
            (std::vector<double>{801, 701, 701, 601, 601, 501, 501, 401, 401, 301, 301, 201, 201, 1}));
}

TEST(Schedule, DdpmStepsToTheNextTimestepAndEndsClean) {
  const Trajectory trajectory = plan(SamplerKind::kDdpm, ScheduleKind::kLinspace, 3);
  EXPECT_EQ(trajectory.steps[0].to.timestep, 500);
  EXPECT_EQ(trajectory.steps[2].to.sigma, 0);
}

TEST(Schedule, ExplicitSigmasAreVisitedAsTheyAre) {
  const SamplerOptions options{.sigmas = {14, 3, 0.5, 0}};
  const Trajectory trajectory = plan(SamplerKind::kEuler, ScheduleKind::kModel, 99, {}, options);
  ASSERT_EQ(trajectory.steps.size(), 3U);
  EXPECT_NEAR(ratio(trajectory.steps[1].from), 3, 1e-6);
  EXPECT_NEAR(ratio(trajectory.steps[1].to), 0.5, 1e-6);
  EXPECT_EQ(trajectory.steps[2].to.sigma, 0);
  const NoiseSchedule noise{SchedulerConfig{}};
  EXPECT_NEAR(noise.ratio_at(trajectory.steps[1].from.timestep), 3, 0.01);
}

TEST(Schedule, ExplicitTimestepsAreVisitedAsTheyAre) {
  const SamplerOptions options{.timesteps = {900, 400.0, 10}};
  for (const SamplerKind sampler :
       {SamplerKind::kDdim, SamplerKind::kEuler, SamplerKind::kDpmpp2m, SamplerKind::kLcm}) {
    EXPECT_EQ(timesteps(plan(sampler, ScheduleKind::kModel, 3, {}, options)), (std::vector<double>{900, 400, 10}));
  }
}

TEST(Schedule, EndsOfTheLevelsCanBeChosen) {
  const SamplerOptions options{.sigma_min = 0.1, .sigma_max = 5};
  const Trajectory trajectory = plan(SamplerKind::kDpmpp2m, ScheduleKind::kKarras, 9, {}, options);
  EXPECT_NEAR(ratio(trajectory.steps.front().from), 5, 1e-6);
  EXPECT_NEAR(ratio(trajectory.steps.back().from), 0.1, 1e-6);
}

TEST(Schedule, EdmLevelsHaveUnitVarianceForTheNetwork) {
  const SchedulerConfig config{.prediction_type = PredictionType::kVelocity, .sigma_data = 0.5};
  const Trajectory trajectory = plan(SamplerKind::kEdmEuler, ScheduleKind::kModel, 8, config);
  for (const Step& step : trajectory.steps) {
    EXPECT_NEAR(std::pow(0.5 * step.from.alpha, 2) + std::pow(step.from.sigma, 2), 1, 1e-12);
    EXPECT_NEAR(step.from.timestep, 0.25 * std::log(ratio(step.from)), 1e-9);
  }
  EXPECT_NEAR(ratio(trajectory.steps.front().from), 80, 1e-5);
  EXPECT_NEAR(trajectory.final_scale, 0.5, 1e-12);  // alpha = 1 / sigma_data where there is no noise
}

TEST(Schedule, FlowLevelsAreStraightAndShifted) {
  SchedulerConfig config{.prediction_type = PredictionType::kFlow};
  const Trajectory plain = plan(SamplerKind::kEuler, ScheduleKind::kModel, 4, config);
  for (const Step& step : plain.steps) EXPECT_NEAR(step.from.alpha + step.from.sigma, 1, 1e-12);
  EXPECT_EQ(plain.steps.front().from.sigma, 1);
  EXPECT_EQ(plain.steps.back().to.sigma, 0);
  config.shift = 3;
  const Trajectory shifted = plan(SamplerKind::kEuler, ScheduleKind::kModel, 4, config);
  const double s = plain.steps[2].from.sigma;
  EXPECT_NEAR(shifted.steps[2].from.sigma, 3 * s / (1 + 2 * s), 2e-3);  // the reference shifts the low end twice
  EXPECT_NEAR(shifted.steps[2].from.timestep, 1000 * shifted.steps[2].from.sigma, 1e-3);
}

std::string refusal(SamplerKind sampler, ScheduleKind schedule, const SamplerOptions& options,
                    const SchedulerConfig& config = {}, int steps = 10) {
  return expect_error(ExitCode::kUsage, [&] { plan(sampler, schedule, steps, config, options); });
}

TEST(Schedule, RefusesListsThatMakeNoSense) {
  const auto euler = [](const SamplerOptions& options) {
    return refusal(SamplerKind::kEuler, ScheduleKind::kModel, options);
  };
  EXPECT_EQ(euler({.sigmas = {1, 2}}), "sigmas have to fall, but 2 follows 1");
  EXPECT_EQ(euler({.sigmas = {1}}), "sigmas: one level is no run; give at least two, the last is where it ends");
  EXPECT_EQ(euler({.sigmas = {1, -0.5}}), "sigmas: -0.5 is out of range; use 0 to 1e+05");
  EXPECT_EQ(euler({.timesteps = {1000, 3}}), "timesteps: 1000 is out of range; use 0 to 999");
  EXPECT_EQ(euler({.sigmas = {2, 1}, .timesteps = {3, 2}}), "sigmas and timesteps both say where a run goes; give one");
  EXPECT_EQ(refusal(SamplerKind::kDdim, ScheduleKind::kModel, {.sigmas = {2, 1}}),
            "sampler ddim takes timesteps, not sigmas");
  EXPECT_EQ(refusal(SamplerKind::kDdim, ScheduleKind::kModel, {.timesteps = {2.5, 1}}),
            "sampler ddim takes whole timesteps only");
  EXPECT_EQ(refusal(SamplerKind::kEuler, ScheduleKind::kKarras, {.timesteps = {3, 2}}),
            "schedule karras and a list of sigmas or timesteps both say where a run goes; give one");
  EXPECT_EQ(refusal(SamplerKind::kPndm, ScheduleKind::kModel, {.timesteps = {3, 2}}),
            "sampler pndm makes its own list of timesteps; use another sampler");
}

TEST(Schedule, RefusesParametersThatTheScheduleDoesNotHave) {
  EXPECT_EQ(refusal(SamplerKind::kEuler, ScheduleKind::kModel, {.rho = 5}),
            "rho has a meaning only with schedule karras");
  EXPECT_EQ(refusal(SamplerKind::kEuler, ScheduleKind::kTrailing, {.sigma_max = 5}),
            "sigma_min and sigma_max have a meaning only with the schedules karras, exponential, beta and lu");
  EXPECT_EQ(refusal(SamplerKind::kEuler, ScheduleKind::kModel, {.shift = 3}),
            "shift has a meaning only for models of flow matching");
}

// The reference refuses these at construction, or ends in NaN.
TEST(Schedule, RefusesWhatTheReferenceRefuses) {
  EXPECT_EQ(refusal(SamplerKind::kDpmpp2m, ScheduleKind::kModel, {.solver_prediction = SolverPrediction::kEpsilon}),
            "solver_prediction epsilon does not reach zero noise; add --final-sigmas-type sigma_min");
  EXPECT_EQ(refusal(SamplerKind::kUnipc, ScheduleKind::kModel, {.lower_order_final = false}),
            "unipc without lower_order_final does not reach zero noise; add --final-sigmas-type sigma_min");
  EXPECT_EQ(refusal(SamplerKind::kPndm, ScheduleKind::kModel, {}, {.prediction_type = PredictionType::kSample}),
            "sampler pndm needs a model that predicts epsilon or v; use --sampler ddim");
  EXPECT_EQ(refusal(SamplerKind::kPndm, ScheduleKind::kModel, {.solver_type = SolverType::kPrk}, {}, 3),
            "sampler pndm with solver_type prk needs at least 4 steps; use plms");
  EXPECT_EQ(
      refusal(SamplerKind::kLcm, ScheduleKind::kTrailing, {}),
      "sampler lcm has no trailing schedule: it visits the grid its model was distilled on; use --schedule model");
}

TEST(Schedule, RefusesSamplersThatDoNotFitTheModel) {
  EXPECT_EQ(refusal(SamplerKind::kEdmEuler, ScheduleKind::kModel, {}),
            "sampler edm_euler needs a model with EDM preconditioning (sigma_data in model.json); use euler");
  EXPECT_EQ(refusal(SamplerKind::kDdim, ScheduleKind::kModel, {}, {.sigma_data = 0.5}),
            "sampler ddim does not go with a model of EDM preconditioning; use edm_euler or edm_dpmpp_2m");
  EXPECT_EQ(refusal(SamplerKind::kDdim, ScheduleKind::kModel, {}, {.prediction_type = PredictionType::kFlow}),
            "sampler ddim does not go with flow matching; use euler or heun");
}

void expect_usage_error(SamplerKind sampler, ScheduleKind schedule, int steps, const std::string& part) {
  try {
    plan(sampler, schedule, steps);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Schedule, RefusesStepsThatTheModelDoesNotHave) {
  expect_usage_error(SamplerKind::kEuler, ScheduleKind::kModel, 0, "steps 0");
  expect_usage_error(SamplerKind::kEuler, ScheduleKind::kModel, 1001, "1000");
  expect_usage_error(SamplerKind::kDdim, ScheduleKind::kLeading, 1000, "leading");
}

TEST(Schedule, RefusesNoiseLevelsBetweenTimestepsForDdim) {
  expect_usage_error(SamplerKind::kDdim, ScheduleKind::kKarras, 10, "--sampler euler");
}

}  // namespace
}  // namespace txt2img

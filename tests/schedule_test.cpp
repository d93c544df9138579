#include "txt2img/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {
namespace {

Trajectory plan(SamplerKind sampler, ScheduleKind schedule, int steps, SchedulerConfig config = {}) {
  return plan_trajectory(NoiseSchedule(config), config, sampler, schedule, steps);
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

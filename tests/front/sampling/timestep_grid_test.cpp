#include "sampling/timestep_grid.h"

#include <gtest/gtest.h>

#include <vector>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

using Timesteps = std::vector<double>;

TEST(TimestepGrid, SimpleTakesEveryNthFromTheTop) {
  EXPECT_EQ(simple_timesteps(1000, 4), (Timesteps{999, 749, 499, 249}));
  EXPECT_EQ(simple_timesteps(1000, 3), (Timesteps{999, 666, 333}));
}

TEST(TimestepGrid, SgmUniformLeavesOutTheLowEnd) {
  EXPECT_EQ(sgm_uniform_timesteps(1000, 3), (Timesteps{999, 666, 333}));
  EXPECT_EQ(sgm_uniform_timesteps(1000, 2), (Timesteps{999, 499.5}));
}

TEST(TimestepGrid, DistilledStepsLieOnTheGridOfTheDistillation) {
  EXPECT_EQ(distilled_timesteps(1000, 50, 4), (Timesteps{999, 759, 499, 259}));
  EXPECT_EQ(distilled_timesteps(1000, 50, 1), (Timesteps{999}));
  EXPECT_EQ(distilled_timesteps(1000, 50, 50).back(), 19);
}

TEST(TimestepGrid, RefusesMoreStepsThanTheGridHas) {
  expect_error(ExitCode::kUsage, [] { distilled_timesteps(1000, 50, 51); });
  expect_error(ExitCode::kUsage, [] { distilled_timesteps(1000, 1001, 4); });
}

}  // namespace
}  // namespace txt2img

#include "sampling/sigma_schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace txt2img {
namespace {

constexpr SigmaRange kRange{.min = 0.03, .max = 14.6};

TEST(SigmaSchedule, EveryScheduleFallsFromTheMostToTheLeastNoise) {
  for (const ScheduleInfo& schedule : schedules()) {
    if (!is_sigma_schedule(schedule.kind)) continue;
    const std::vector<double> sigmas = spread_sigmas(schedule.kind, kRange, 17);
    ASSERT_EQ(sigmas.size(), 17U) << schedule.name;
    for (std::size_t i = 1; i < sigmas.size(); ++i) EXPECT_LT(sigmas[i], sigmas[i - 1]) << schedule.name;
    if (schedule.kind == ScheduleKind::kAys || schedule.kind == ScheduleKind::kAysXl) continue;
    EXPECT_NEAR(sigmas.front(), kRange.max, 1e-9) << schedule.name;
    EXPECT_NEAR(sigmas.back(), kRange.min, 1e-9) << schedule.name;
  }
}

TEST(SigmaSchedule, OneStepStartsAtTheTop) {
  for (const ScheduleKind schedule : {ScheduleKind::kKarras, ScheduleKind::kBeta, ScheduleKind::kExponential}) {
    EXPECT_NEAR(spread_sigmas(schedule, kRange, 1).front(), kRange.max, 1e-9);
  }
}

// rho = 1 is a straight line; the larger rho, the more levels at the low end.
TEST(SigmaSchedule, KarrasBendsWithRho) {
  const auto middle = [](double rho) {
    return spread_sigmas(ScheduleKind::kKarras, {.min = 1, .max = 9, .rho = rho}, 3)[1];
  };
  EXPECT_NEAR(middle(1), 5, 1e-12);
  EXPECT_NEAR(middle(2), 4, 1e-12);   // ((1 + 3) / 2)^2
  EXPECT_NEAR(middle(1e6), 3, 1e-4);  // the geometric mean
}

TEST(SigmaSchedule, AlignYourStepsIsThePublishedListForTenSteps) {
  const std::vector<double> sigmas = spread_sigmas(ScheduleKind::kAys, kRange, 10);
  EXPECT_NEAR(sigmas[0], 14.615, 1e-9);
  EXPECT_NEAR(sigmas[4], 1.886, 1e-9);
  EXPECT_NEAR(sigmas[9], 0.152, 1e-9);
  EXPECT_NEAR(spread_sigmas(ScheduleKind::kAysXl, kRange, 10)[6], 0.555, 1e-9);
}

TEST(SigmaSchedule, AlignYourStepsIsLogLinearBetweenItsLevels) {
  const std::vector<double> sigmas = spread_sigmas(ScheduleKind::kAys, kRange, 19);
  EXPECT_NEAR(sigmas[2], 6.475, 1e-9);
  EXPECT_NEAR(sigmas[1], std::sqrt(14.615 * 6.475), 1e-9);
}

// Values of scipy.stats.beta.ppf(p, 0.6, 0.6).
TEST(SigmaSchedule, BetaQuantilesAreThoseOfScipy) {
  constexpr std::array kKnown{std::pair{1e-6, 1.8558824624053043e-10}, std::pair{0.01, 0.0008612388215429059},
                              std::pair{0.25, 0.17568037865269498},    std::pair{0.4, 0.3627009907532143},
                              std::pair{0.7, 0.7659829961247643},      std::pair{0.95, 0.9874455431263885}};
  for (const auto& [p, quantile] : kKnown) EXPECT_NEAR(beta_quantile(p) / quantile, 1, 1e-12) << p;
  EXPECT_NEAR(beta_quantile(0), 0, 1e-15);
  EXPECT_NEAR(beta_quantile(1), 1, 1e-15);
}

}  // namespace
}  // namespace txt2img

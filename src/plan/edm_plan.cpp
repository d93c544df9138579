// Trajectories of models with EDM preconditioning, arXiv 2206.00364.
#include <cmath>

#include "plan/wish.h"
#include "sigma_schedule.h"

namespace txt2img {
namespace {

SigmaRange edm_range(const Wish& wish) {
  constexpr double kSigmaMin = 0.002;
  constexpr double kSigmaMax = 80;
  return {.min = wish.options.sigma_min.value_or(wish.config.sigma_min.value_or(kSigmaMin)),
          .max = wish.options.sigma_max.value_or(wish.config.sigma_max.value_or(kSigmaMax)),
          .rho = wish.options.rho == SamplerOptions{}.rho ? wish.config.rho : wish.options.rho};
}

}  // namespace

Trajectory plan_edm(const Wish& wish) {
  const SigmaRange range = edm_range(wish);
  const bool is_model = wish.schedule == ScheduleKind::kModel;
  std::vector<double> sigmas = spread_sigmas(is_model ? ScheduleKind::kKarras : wish.schedule, range, wish.steps);
  // Where there is one step only, the last of the levels is the first.
  const double least = wish.family() == Family::kSigma ? sigmas.back() : range.min;
  double last = wish.final_type() == FinalSigma::kZero ? 0 : least;
  if (!wish.options.sigmas.empty()) {
    sigmas.assign(wish.options.sigmas.begin(), wish.options.sigmas.end() - 1);
    last = wish.options.sigmas.back();
  }
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) levels.push_back(edm_level(to_float32(sigma), wish.config.sigma_data));
  Trajectory trajectory = join(levels, edm_level(to_float32(last), wish.config.sigma_data));
  trajectory.init_scale = levels.front().alpha * std::hypot(sigmas.front(), 1);
  trajectory.final_scale = 1 / trajectory.steps.back().to.alpha;
  return trajectory;
}

}  // namespace txt2img

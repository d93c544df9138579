// Trajectories of models with EDM preconditioning, arXiv 2206.00364.
#include <cmath>

#include "sampling/sigma_schedule.h"
#include "sampling/trajectory_request.h"

namespace txt2img {
namespace {

SigmaRange edm_range(const TrajectoryRequest& request) {
  constexpr double kSigmaMin = 0.002;
  constexpr double kSigmaMax = 80;
  return {.min = request.options.sigma_min.value_or(request.config.sigma_min.value_or(kSigmaMin)),
          .max = request.options.sigma_max.value_or(request.config.sigma_max.value_or(kSigmaMax)),
          .rho = request.options.rho == SamplerOptions{}.rho ? request.config.rho : request.options.rho};
}

}  // namespace

Trajectory edm_trajectory(const TrajectoryRequest& request) {
  const SigmaRange range = edm_range(request);
  const bool is_model = request.schedule == ScheduleKind::kModel;
  std::vector<double> sigmas = spread_sigmas(is_model ? ScheduleKind::kKarras : request.schedule, range, request.steps);
  // Where there is one step only, the last of the levels is the first.
  const double least = request.family() == SamplerFamily::kSigma ? sigmas.back() : range.min;
  double last = request.ends_clean() ? 0 : least;
  if (!request.options.sigmas.empty()) {
    sigmas.assign(request.options.sigmas.begin(), request.options.sigmas.end() - 1);
    last = request.options.sigmas.back();
  }
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) levels.push_back(edm_level(to_float32(sigma), request.config.sigma_data));
  Trajectory trajectory = join(levels, edm_level(to_float32(last), request.config.sigma_data));
  trajectory.init_scale = levels.front().alpha * std::hypot(sigmas.front(), 1);
  trajectory.final_scale = 1 / trajectory.steps.back().to.alpha;
  return trajectory;
}

}  // namespace txt2img

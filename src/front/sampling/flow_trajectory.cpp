// Trajectories of flow matching: straight from noise to data.
#include <algorithm>
#include <cmath>

#include "sampling/sigma_schedule.h"
#include "sampling/timestep_grid.h"
#include "sampling/trajectory_request.h"

namespace txt2img {
namespace {

double shifted(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

// The reference shifts the ends of its grid, and then the grid between them.
std::vector<double> flow_sigmas(const TrajectoryRequest& request) {
  const double shift = request.options.shift.value_or(request.config.shift);
  const double least = 1.0 / request.train_steps();
  std::vector<double> sigmas;
  for (int i = 0; i < request.steps; ++i) {
    if (request.family() == SamplerFamily::kSigma) {
      sigmas.push_back(shifted(linspace_at(1, to_float32(shifted(least, shift)), request.steps, i), shift));
    } else if (request.levels().starts_below_one) {
      sigmas.push_back(shifted(linspace_at(1, least, request.steps + 1, i), shift));
    } else {
      sigmas.push_back(shifted(1 - linspace_at(1, least, request.steps + 1, request.steps - i), shift));
    }
  }
  if (request.levels().starts_below_one) sigmas.front() = std::min(sigmas.front(), 1 - 1e-6);
  return sigmas;
}

}  // namespace

Trajectory flow_trajectory(const TrajectoryRequest& request) {
  std::vector<double> sigmas = flow_sigmas(request);
  if (is_sigma_schedule(request.schedule)) {
    const SigmaRange range{.min = request.options.sigma_min.value_or(sigmas.back()),
                           .max = request.options.sigma_max.value_or(sigmas.front()),
                           .rho = request.options.rho};
    sigmas = spread_sigmas(request.schedule, range, request.steps);
  }
  double last = 0;
  if (!request.options.sigmas.empty()) {
    sigmas.assign(request.options.sigmas.begin(), request.options.sigmas.end() - 1);
    last = request.options.sigmas.back();
  }
  if (request.levels().end == RunEnd::kLast && request.options.sigmas.empty()) last = sigmas.back();
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) {
    const double t = sigma * request.train_steps();
    levels.push_back(
        flow_level(to_float32(sigma), request.family() == SamplerFamily::kSolver ? std::trunc(t) : to_float32(t)));
  }
  return join(levels, flow_level(to_float32(last), 0));
}

}  // namespace txt2img

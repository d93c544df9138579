// Trajectories of flow matching: straight from noise to data.
#include <algorithm>
#include <cmath>

#include "plan/wish.h"
#include "sigma_schedule.h"
#include "timestep_grid.h"

namespace txt2img {
namespace {

double shifted(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

// The reference shifts the ends of its grid, and then the grid between them.
std::vector<double> flow_sigmas(const Wish& wish) {
  const double shift = wish.options.shift.value_or(wish.config.shift);
  const double least = 1.0 / wish.train_steps();
  std::vector<double> sigmas;
  for (int i = 0; i < wish.steps; ++i) {
    if (wish.family() == Family::kSigma) {
      sigmas.push_back(shifted(linspace_at(1, to_float32(shifted(least, shift)), wish.steps, i), shift));
    } else if (wish.sampler == SamplerKind::kUnipc) {
      sigmas.push_back(shifted(linspace_at(1, least, wish.steps + 1, i), shift));
    } else {
      sigmas.push_back(shifted(1 - linspace_at(1, least, wish.steps + 1, wish.steps - i), shift));
    }
  }
  // UniPC has to know log alpha.
  if (wish.sampler == SamplerKind::kUnipc) sigmas.front() = std::min(sigmas.front(), 1 - 1e-6);
  return sigmas;
}

}  // namespace

Trajectory plan_flow(const Wish& wish) {
  std::vector<double> sigmas = flow_sigmas(wish);
  if (is_sigma_schedule(wish.schedule)) {
    const SigmaRange range{.min = wish.options.sigma_min.value_or(sigmas.back()),
                           .max = wish.options.sigma_max.value_or(sigmas.front()),
                           .rho = wish.options.rho};
    sigmas = spread_sigmas(wish.schedule, range, wish.steps);
  }
  double last = 0;
  if (!wish.options.sigmas.empty()) {
    sigmas.assign(wish.options.sigmas.begin(), wish.options.sigmas.end() - 1);
    last = wish.options.sigmas.back();
  }
  const bool repeats = wish.sampler == SamplerKind::kDeis || wish.sampler == SamplerKind::kSaSolver;
  if (repeats && wish.options.sigmas.empty()) last = sigmas.back();
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) {
    const double t = sigma * wish.train_steps();
    levels.push_back(flow_level(to_float32(sigma), wish.family() == Family::kSolver ? std::trunc(t) : to_float32(t)));
  }
  return join(levels, flow_level(to_float32(last), 0));
}

}  // namespace txt2img

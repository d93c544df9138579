#include "txt2img/schedule.h"

#include <algorithm>

#include "plan/wish.h"

namespace txt2img {

int listed_steps(const SamplerOptions& options) {
  if (!options.timesteps.empty()) return static_cast<int>(options.timesteps.size());
  return options.sigmas.empty() ? 0 : static_cast<int>(options.sigmas.size()) - 1;
}

Trajectory plan_trajectory(const NoiseSchedule& noise, const SchedulerConfig& config, SamplerKind sampler,
                           ScheduleKind schedule, int steps, const SamplerOptions& options) {
  const bool is_listed = !options.sigmas.empty() || !options.timesteps.empty();
  const Wish wish{noise, config, sampler, schedule, is_listed ? std::max(listed_steps(options), 1) : steps, options};
  check_wish(wish);
  if (config.is_edm()) return plan_edm(wish);
  if (config.is_flow()) return plan_flow(wish);
  switch (wish.family()) {
    case Family::kDiffusion: return plan_diffusion(wish);
    case Family::kPndm: return plan_pndm(wish);
    case Family::kDistilled: return plan_distilled(wish);
    case Family::kSigma:
    case Family::kSolver: return plan_ratios(wish);
  }
  return {};
}

}  // namespace txt2img

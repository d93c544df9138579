#include "txt2img/schedule.h"

#include <algorithm>

#include "sampling/trajectory_request.h"

namespace txt2img {

int listed_steps(const SamplerOptions& options) {
  if (!options.timesteps.empty()) return static_cast<int>(options.timesteps.size());
  return options.sigmas.empty() ? 0 : static_cast<int>(options.sigmas.size()) - 1;
}

Trajectory plan_trajectory(const NoiseSchedule& noise, const SchedulerConfig& config, SamplerKind sampler,
                           ScheduleKind schedule, int steps, const SamplerOptions& options) {
  const bool is_listed = !options.sigmas.empty() || !options.timesteps.empty();
  const TrajectoryRequest request{
      noise, config, sampler, schedule, is_listed ? std::max(listed_steps(options), 1) : steps, options};
  check_trajectory(request);
  if (config.is_edm()) return edm_trajectory(request);
  if (config.is_flow()) return flow_trajectory(request);
  switch (request.family()) {
    case SamplerFamily::kTable: return table_trajectory(request);
    case SamplerFamily::kPndm: return pndm_trajectory(request);
    case SamplerFamily::kDistilled: return distilled_trajectory(request);
    case SamplerFamily::kSigma:
    case SamplerFamily::kSolver: return ratio_trajectory(request);
  }
  return {};
}

}  // namespace txt2img

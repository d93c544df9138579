#include "sampling/trajectory_request.h"

#include <cstddef>

namespace txt2img {

ModelKind TrajectoryRequest::model() const {
  if (config.is_edm()) return ModelKind::kEdm;
  return config.is_flow() ? ModelKind::kFlow : ModelKind::kDiffusion;
}

Spacing TrajectoryRequest::spacing() const {
  if (schedule == ScheduleKind::kLinspace) return Spacing::kLinspace;
  if (schedule == ScheduleKind::kLeading) return Spacing::kLeading;
  if (schedule == ScheduleKind::kTrailing) return Spacing::kTrailing;
  return config.timestep_spacing;
}

bool TrajectoryRequest::ends_clean() const {
  return options.final_sigmas_type.value_or(config.final_sigmas_type) == FinalSigma::kZero;
}

void add_step(Trajectory& trajectory, const NoiseLevel& from, const NoiseLevel& to, const NoiseLevel& mid) {
  const auto index = static_cast<int>(trajectory.steps.size());
  trajectory.steps.push_back({.from = from, .to = to, .index = index, .mid = mid});
}

Trajectory counted(Trajectory trajectory) {
  for (Step& step : trajectory.steps) step.count = static_cast<int>(trajectory.steps.size());
  return trajectory;
}

Trajectory join(const std::vector<NoiseLevel>& levels, const NoiseLevel& last) {
  Trajectory trajectory;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    add_step(trajectory, levels[i], i + 1 < levels.size() ? levels[i + 1] : last);
  }
  return counted(trajectory);
}

}  // namespace txt2img

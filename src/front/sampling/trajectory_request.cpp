#include "sampling/trajectory_request.h"

#include <cstddef>

namespace txt2img {

Family family_of(SamplerKind sampler) {
  switch (sampler) {
    case SamplerKind::kDdpm:
    case SamplerKind::kDdim: return Family::kDiffusion;
    case SamplerKind::kPndm: return Family::kPndm;
    case SamplerKind::kLcm:
    case SamplerKind::kTcd: return Family::kDistilled;
    case SamplerKind::kLms:
    case SamplerKind::kEuler:
    case SamplerKind::kEulerAncestral:
    case SamplerKind::kHeun:
    case SamplerKind::kDpm2:
    case SamplerKind::kDpm2Ancestral:
    case SamplerKind::kDpmppSde:
    case SamplerKind::kIpndm:
    case SamplerKind::kEdmEuler:
    case SamplerKind::kLangevin: return Family::kSigma;
    case SamplerKind::kDpmpp2m:
    case SamplerKind::kDpmpp2mSde:
    case SamplerKind::kDpmpp2s:
    case SamplerKind::kDpmpp3m:
    case SamplerKind::kDeis:
    case SamplerKind::kUnipc:
    case SamplerKind::kEdmDpmpp2m:
    case SamplerKind::kSaSolver: return Family::kSolver;
  }
  return Family::kSigma;
}

Spacing TrajectoryRequest::spacing() const {
  if (schedule == ScheduleKind::kLinspace) return Spacing::kLinspace;
  if (schedule == ScheduleKind::kLeading) return Spacing::kLeading;
  if (schedule == ScheduleKind::kTrailing) return Spacing::kTrailing;
  return config.timestep_spacing;
}

FinalSigma TrajectoryRequest::final_type() const {
  return options.final_sigmas_type.value_or(config.final_sigmas_type);
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

// What a trajectory is made of, and the pieces that all of its makers use.
#pragma once

#include <vector>

#include "txt2img/schedule.h"

namespace txt2img {

// Everything that a trajectory follows from.
struct TrajectoryRequest {
  const NoiseSchedule& noise;
  const SchedulerConfig& config;
  SamplerKind sampler;
  ScheduleKind schedule;
  int steps;
  const SamplerOptions& options;

  [[nodiscard]] const LevelFacts& levels() const { return info(sampler).levels; }
  [[nodiscard]] SamplerFamily family() const { return levels().family; }
  [[nodiscard]] ModelKind model() const;
  [[nodiscard]] int train_steps() const { return config.num_train_timesteps; }
  [[nodiscard]] Spacing spacing() const;  // asked for, or the model's
  [[nodiscard]] bool ends_clean() const;  // without noise, unless a list of sigmas says otherwise
};

// The reference stores ratios, and fractional timesteps, in float32.
inline double to_float32(double x) { return static_cast<double>(static_cast<float>(x)); }

// Throws Error(kUsage) for what does not go together.
void check_trajectory(const TrajectoryRequest& request);

Trajectory table_trajectory(const TrajectoryRequest& request);  // integer timesteps of the table
Trajectory pndm_trajectory(const TrajectoryRequest& request);
Trajectory distilled_trajectory(const TrajectoryRequest& request);
Trajectory ratio_trajectory(const TrajectoryRequest& request);  // noise levels sigma/alpha
Trajectory edm_trajectory(const TrajectoryRequest& request);    // models with EDM preconditioning, arXiv 2206.00364
Trajectory flow_trajectory(const TrajectoryRequest& request);   // flow matching

// Appends a step; its count is set by counted() when all are there.
void add_step(Trajectory& trajectory, const NoiseLevel& from, const NoiseLevel& to, const NoiseLevel& mid = {});
Trajectory counted(Trajectory trajectory);

// Steps from each level to the next, and to the last.
Trajectory join(const std::vector<NoiseLevel>& levels, const NoiseLevel& last);

}  // namespace txt2img

// Trajectories over integer timesteps of the training table.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "sampling/timestep_grid.h"
#include "sampling/trajectory_request.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

std::vector<double> table_timesteps(const TrajectoryRequest& request) {
  if (!request.options.timesteps.empty()) return request.options.timesteps;
  if (request.schedule == ScheduleKind::kSimple) return simple_timesteps(request.train_steps(), request.steps);
  return spaced_timesteps(GridFamily::kDiffusion, request.spacing(), request.config, request.steps);
}

NoiseLevel level_at(const TrajectoryRequest& request, double timestep) {
  return request.noise.at(static_cast<int>(timestep));
}

NoiseLevel clean_level(const TrajectoryRequest& request) {
  return request.config.set_alpha_to_one ? NoiseLevel{} : request.noise.at(0);
}

NoiseLevel level_or_clean(const TrajectoryRequest& request, double timestep) {
  return timestep >= 0 ? level_at(request, timestep) : clean_level(request);
}

// A call of PNDM's: told the timestep `told`, it leads from the level of `from` to that of `to`.
void add_call(Trajectory& trajectory, const TrajectoryRequest& request, double told, double from, double to) {
  NoiseLevel start = level_at(request, std::min(from, static_cast<double>(request.train_steps() - 1)));
  start.timestep = told;
  add_step(trajectory, start, level_or_clean(request, to));
}

void add_further_call(Trajectory& trajectory, const TrajectoryRequest& request, double told, double from, double to) {
  add_call(trajectory, request, told, from, to);
  trajectory.steps.back().is_further_call = true;
}

// Pseudo linear multistep, arXiv 2202.09778: the second timestep is visited twice, the second time to redo the first
// step with the mean of both slopes.
Trajectory plms_trajectory(const TrajectoryRequest& request) {
  const std::vector<double> timesteps = table_timesteps(request);
  const int stride = request.train_steps() / request.steps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const double t = timesteps[i];
    if (i == 1) add_further_call(trajectory, request, t, t + stride, t);
    add_call(trajectory, request, t, t, t - stride);
  }
  return counted(trajectory);
}

// Its warm-up by pseudo Runge-Kutta: four calls for each of the first three steps, half a stride apart.
Trajectory prk_trajectory(const TrajectoryRequest& request) {
  constexpr std::size_t kWarmUp = 3;
  const std::vector<double> timesteps = table_timesteps(request);
  if (timesteps.size() <= kWarmUp) {
    throw Error(ExitCode::kUsage, "sampler pndm with solver_type prk needs at least 4 steps; use plms");
  }
  const int stride = request.train_steps() / request.steps;
  const int half = stride / 2;
  Trajectory trajectory;
  for (std::size_t i = 0; i < kWarmUp; ++i) {
    const double start = timesteps[i];
    const double middle = timesteps[i + 1] + half;
    const double end = timesteps[i + 1];
    add_call(trajectory, request, start, start, start - half);
    add_further_call(trajectory, request, middle, start, middle);
    add_further_call(trajectory, request, middle, start, middle - half);
    add_further_call(trajectory, request, end, start, end);
  }
  for (std::size_t i = kWarmUp; i < timesteps.size(); ++i) {
    add_call(trajectory, request, timesteps[i], timesteps[i], timesteps[i] - stride);
  }
  return counted(trajectory);
}

}  // namespace

// DDPM steps to the next timestep of its list and ends clean. DDIM of the reference steps down by T/N timesteps from
// wherever it is (arXiv 2010.02502), which is the same with leading spacing; on lists that it does not have, ours steps
// to the next one.
Trajectory table_trajectory(const TrajectoryRequest& request) {
  const std::vector<double> timesteps = table_timesteps(request);
  const bool is_spaced = request.options.timesteps.empty() && request.schedule != ScheduleKind::kSimple;
  const bool strides = request.levels().strides && is_spaced;
  const int stride = request.train_steps() / request.steps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const bool is_last = i + 1 == timesteps.size();
    const double listed = is_last ? -1 : timesteps[i + 1];
    const double next = strides ? timesteps[i] - stride : listed;
    const bool ends_clean = request.levels().end == RunEnd::kClean && next < 0;
    add_step(trajectory, level_at(request, timesteps[i]), ends_clean ? NoiseLevel{} : level_or_clean(request, next));
  }
  return counted(trajectory);
}

Trajectory distilled_trajectory(const TrajectoryRequest& request) {
  const int original =
      request.options.original_steps > 0 ? request.options.original_steps : request.config.original_inference_steps;
  const std::vector<double> timesteps = request.options.timesteps.empty()
                                            ? distilled_timesteps(request.train_steps(), original, request.steps)
                                            : request.options.timesteps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const double next = i + 1 < timesteps.size() ? timesteps[i + 1] : 0;
    const double jump = std::floor((1 - request.options.eta) * next);
    add_step(trajectory, level_at(request, timesteps[i]), level_at(request, next), level_at(request, jump));
  }
  return counted(trajectory);
}

Trajectory pndm_trajectory(const TrajectoryRequest& request) {
  return request.options.solver_type == SolverType::kPrk ? prk_trajectory(request) : plms_trajectory(request);
}

}  // namespace txt2img

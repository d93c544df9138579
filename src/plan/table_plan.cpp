// Trajectories over integer timesteps of the training table.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "plan/wish.h"
#include "timestep_grid.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

std::vector<double> table_timesteps(const Wish& wish) {
  if (!wish.options.timesteps.empty()) return wish.options.timesteps;
  if (wish.schedule == ScheduleKind::kSimple) return simple_timesteps(wish.train_steps(), wish.steps);
  return spaced_timesteps(GridFamily::kDiffusion, wish.spacing(), wish.config, wish.steps);
}

NoiseLevel level_at(const Wish& wish, double timestep) { return wish.noise.at(static_cast<int>(timestep)); }

NoiseLevel clean_level(const Wish& wish) { return wish.config.set_alpha_to_one ? NoiseLevel{} : wish.noise.at(0); }

NoiseLevel level_or_clean(const Wish& wish, double timestep) {
  return timestep >= 0 ? level_at(wish, timestep) : clean_level(wish);
}

// A call of PNDM's: told the timestep `told`, it leads from the level of `from` to that of `to`.
void add_call(Trajectory& trajectory, const Wish& wish, double told, double from, double to) {
  NoiseLevel start = level_at(wish, std::min(from, static_cast<double>(wish.train_steps() - 1)));
  start.timestep = told;
  add_step(trajectory, start, level_or_clean(wish, to));
}

// Pseudo linear multistep, arXiv 2202.09778: the second timestep is visited twice, the second time to redo the first
// step with the mean of both slopes.
Trajectory plan_plms(const Wish& wish) {
  const std::vector<double> timesteps = table_timesteps(wish);
  const int stride = wish.train_steps() / wish.steps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const double t = timesteps[i];
    if (i == 1) add_call(trajectory, wish, t, t + stride, t);
    add_call(trajectory, wish, t, t, t - stride);
  }
  return counted(trajectory);
}

// Its warm-up by pseudo Runge-Kutta: four calls for each of the first three steps, half a stride apart.
Trajectory plan_prk(const Wish& wish) {
  constexpr std::size_t kWarmUp = 3;
  const std::vector<double> timesteps = table_timesteps(wish);
  if (timesteps.size() <= kWarmUp) {
    throw Error(ExitCode::kUsage, "sampler pndm with solver_type prk needs at least 4 steps; use plms");
  }
  const int stride = wish.train_steps() / wish.steps;
  const int half = stride / 2;
  Trajectory trajectory;
  for (std::size_t i = 0; i < kWarmUp; ++i) {
    const double start = timesteps[i];
    const double middle = timesteps[i + 1] + half;
    const double end = timesteps[i + 1];
    add_call(trajectory, wish, start, start, start - half);
    add_call(trajectory, wish, middle, start, middle);
    add_call(trajectory, wish, middle, start, middle - half);
    add_call(trajectory, wish, end, start, end);
  }
  for (std::size_t i = kWarmUp; i < timesteps.size(); ++i) {
    add_call(trajectory, wish, timesteps[i], timesteps[i], timesteps[i] - stride);
  }
  return counted(trajectory);
}

}  // namespace

// DDPM steps to the next timestep of its list and ends clean. DDIM of the reference steps down by T/N timesteps from
// wherever it is (arXiv 2010.02502), which is the same with leading spacing; on lists that it does not have, ours steps
// to the next one.
Trajectory plan_diffusion(const Wish& wish) {
  const std::vector<double> timesteps = table_timesteps(wish);
  const bool is_spaced = wish.options.timesteps.empty() && wish.schedule != ScheduleKind::kSimple;
  const bool strides = wish.sampler == SamplerKind::kDdim && is_spaced;
  const int stride = wish.train_steps() / wish.steps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const bool is_last = i + 1 == timesteps.size();
    const double listed = is_last ? -1 : timesteps[i + 1];
    const double next = strides ? timesteps[i] - stride : listed;
    const bool ends_clean = wish.sampler == SamplerKind::kDdpm && next < 0;
    add_step(trajectory, level_at(wish, timesteps[i]), ends_clean ? NoiseLevel{} : level_or_clean(wish, next));
  }
  return counted(trajectory);
}

Trajectory plan_distilled(const Wish& wish) {
  const int original =
      wish.options.original_steps > 0 ? wish.options.original_steps : wish.config.original_inference_steps;
  const std::vector<double> timesteps = wish.options.timesteps.empty()
                                            ? distilled_timesteps(wish.train_steps(), original, wish.steps)
                                            : wish.options.timesteps;
  Trajectory trajectory;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const double next = i + 1 < timesteps.size() ? timesteps[i + 1] : 0;
    const double jump = std::floor((1 - wish.options.eta) * next);
    add_step(trajectory, level_at(wish, timesteps[i]), level_at(wish, next), level_at(wish, jump));
  }
  return counted(trajectory);
}

Trajectory plan_pndm(const Wish& wish) {
  return wish.options.solver_type == SolverType::kPrk ? plan_prk(wish) : plan_plms(wish);
}

}  // namespace txt2img

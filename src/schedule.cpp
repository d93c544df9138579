#include "txt2img/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "txt2img/error.h"

namespace txt2img {
namespace {

// The reference has three conventions for the same schedule names.
enum class Family {
  kDiffusion,  // DDIM: integer timesteps of the training table
  kSigma,      // Euler: ratios sigma/alpha interpolated at fractional timesteps
  kSolver,     // DPM++: one more grid point than steps, the last one dropped
};

Family family_of(SamplerKind sampler) {
  switch (sampler) {
    case SamplerKind::kDdim: return Family::kDiffusion;
    case SamplerKind::kEuler:
    case SamplerKind::kEulerAncestral: return Family::kSigma;
    case SamplerKind::kDpmpp2m: return Family::kSolver;
  }
  return Family::kSigma;
}

Spacing spacing_of(ScheduleKind schedule, Spacing of_model) {
  switch (schedule) {
    case ScheduleKind::kLinspace: return Spacing::kLinspace;
    case ScheduleKind::kLeading: return Spacing::kLeading;
    case ScheduleKind::kTrailing: return Spacing::kTrailing;
    case ScheduleKind::kModel:
    case ScheduleKind::kKarras:
    case ScheduleKind::kExponential: return of_model;
  }
  return of_model;
}

bool is_ratio_schedule(ScheduleKind schedule) {
  return schedule == ScheduleKind::kKarras || schedule == ScheduleKind::kExponential;
}

// i-th of n points from `first` to `last` in double; a single point is `first`, as in numpy.
double linspace_at(double first, double last, int n, int i) {
  if (n == 1) return first;
  return i == n - 1 ? last : first + i * ((last - first) / (n - 1));
}

// nearbyint rounds halves to even, as numpy does.
std::vector<double> linspace_timesteps(Family family, int train_steps, int steps) {
  std::vector<double> timesteps;
  const int points = family == Family::kSolver ? steps + 1 : steps;
  for (int i = points - 1; i >= points - steps; --i) {
    const double t = linspace_at(0, train_steps - 1, points, i);
    timesteps.push_back(family == Family::kSigma ? static_cast<double>(static_cast<float>(t)) : std::nearbyint(t));
  }
  return timesteps;
}

std::vector<double> leading_timesteps(Family family, int train_steps, int steps, int offset) {
  const int points = family == Family::kSolver ? steps + 1 : steps;
  const int stride = train_steps / points;
  const int first = (points - 1) * stride + offset;
  if (stride < 1 || first >= train_steps) {
    throw Error(ExitCode::kUsage, std::to_string(steps) + " steps do not fit into the model's " +
                                      std::to_string(train_steps) +
                                      " timesteps with leading spacing; use fewer steps or --schedule trailing");
  }
  std::vector<double> timesteps;
  for (int i = points - 1; i >= points - steps; --i) timesteps.push_back(i * stride + offset);
  return timesteps;
}

// The reference's arange can yield a spurious (N+1)-th entry, t = -1, for some N; it is left out here.
std::vector<double> trailing_timesteps(int train_steps, int steps) {
  const double last = train_steps;
  const double stride = last - (last - last / steps);  // numpy's arange forms its stride so
  std::vector<double> timesteps;
  for (int i = 0; i < steps; ++i) timesteps.push_back(std::nearbyint(last - i * stride) - 1);
  return timesteps;
}

std::vector<double> make_timesteps(Family family, Spacing spacing, const SchedulerConfig& config, int steps) {
  switch (spacing) {
    case Spacing::kLinspace: return linspace_timesteps(family, config.num_train_timesteps, steps);
    case Spacing::kLeading: return leading_timesteps(family, config.num_train_timesteps, steps, config.steps_offset);
    case Spacing::kTrailing: return trailing_timesteps(config.num_train_timesteps, steps);
  }
  return {};
}

// arXiv 2206.00364, equation 5, with rho = 7.
double karras_ratio(double low, double high, double ramp) {
  constexpr double kRho = 7;
  const double from = std::pow(high, 1 / kRho);
  return std::pow(from + ramp * (std::pow(low, 1 / kRho) - from), kRho);
}

// n ratios from high to low.
std::vector<double> spread_ratios(ScheduleKind schedule, double low, double high, int n) {
  std::vector<double> ratios;
  for (int i = 0; i < n; ++i) {
    if (schedule == ScheduleKind::kKarras) {
      ratios.push_back(karras_ratio(low, high, linspace_at(0, 1, n, i)));
    } else {
      ratios.push_back(std::exp(linspace_at(std::log(high), std::log(low), n, i)));
    }
  }
  return ratios;
}

// The reference stores ratios in float32.
double to_float32(double x) { return static_cast<double>(static_cast<float>(x)); }

// DDIM steps down by T/N timesteps from wherever it is (arXiv 2010.02502).
Trajectory plan_diffusion(const NoiseSchedule& noise, const SchedulerConfig& config,
                          const std::vector<double>& timesteps) {
  const auto count = static_cast<int>(timesteps.size());
  const int stride = config.num_train_timesteps / count;
  const NoiseLevel clean = config.set_alpha_to_one ? NoiseLevel{} : noise.at(0);
  Trajectory trajectory;
  for (int i = 0; i < count; ++i) {
    const auto t = static_cast<int>(timesteps[static_cast<std::size_t>(i)]);
    const NoiseLevel to = t - stride >= 0 ? noise.at(t - stride) : clean;
    trajectory.steps.push_back({.from = noise.at(t), .to = to, .index = i, .count = count});
  }
  return trajectory;
}

std::vector<NoiseLevel> sigma_levels(const NoiseSchedule& noise, ScheduleKind schedule,
                                     const std::vector<double>& timesteps) {
  std::vector<NoiseLevel> levels;
  if (!is_ratio_schedule(schedule)) {
    for (double t : timesteps) levels.push_back(level_of_ratio(to_float32(noise.ratio_at(t)), t));
    return levels;
  }
  const double high = noise.ratio_at(timesteps.front());
  const double low = noise.ratio_at(timesteps.back());
  for (double ratio : spread_ratios(schedule, low, high, static_cast<int>(timesteps.size()))) {
    levels.push_back(level_of_ratio(to_float32(ratio), to_float32(noise.timestep_of(ratio))));
  }
  return levels;
}

std::vector<NoiseLevel> solver_levels(const NoiseSchedule& noise, const SchedulerConfig& config, ScheduleKind schedule,
                                      const std::vector<double>& timesteps) {
  if (!is_ratio_schedule(schedule)) return sigma_levels(noise, schedule, timesteps);
  const auto low = static_cast<double>(noise.ratios().front());
  const auto high = static_cast<double>(noise.ratios().back());
  const bool is_rounded = schedule == ScheduleKind::kKarras && config.beta_schedule != BetaSchedule::kSquaredcosCapV2;
  std::vector<NoiseLevel> levels;
  for (double ratio : spread_ratios(schedule, low, high, static_cast<int>(timesteps.size()))) {
    const double t = noise.timestep_of(ratio);
    levels.push_back(level_of_ratio(to_float32(ratio), is_rounded ? std::nearbyint(t) : std::trunc(t)));
  }
  return levels;
}

Trajectory join_levels(std::vector<NoiseLevel> levels, const NoiseLevel& last) {
  const auto count = static_cast<int>(levels.size());
  levels.push_back(last);
  Trajectory trajectory;
  for (int i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    trajectory.steps.push_back({.from = levels[k], .to = levels[k + 1], .index = i, .count = count});
  }
  return trajectory;
}

// Noise of the reference's Euler has the standard deviation max(ratio), or sqrt(max(ratio)^2 + 1) with leading spacing;
// divided by sqrt(ratio^2 + 1) that is sigma, or 1.
double init_scale(Spacing spacing, const Trajectory& trajectory) {
  return spacing == Spacing::kLeading ? 1 : trajectory.steps.front().from.sigma;
}

void check_combination(SamplerKind sampler, ScheduleKind schedule) {
  if (family_of(sampler) == Family::kDiffusion && is_ratio_schedule(schedule)) {
    throw Error(ExitCode::kUsage, "sampler " + std::string(info(sampler).name) + " has no " +
                                      std::string(info(schedule).name) +
                                      " schedule: it visits timesteps of the training table; use --sampler euler, the "
                                      "same rule on any noise levels");
  }
}

}  // namespace

Trajectory plan_trajectory(const NoiseSchedule& noise, const SchedulerConfig& config, SamplerKind sampler,
                           ScheduleKind schedule, int steps) {
  if (steps < 1 || steps > config.num_train_timesteps) {
    throw Error(ExitCode::kUsage, "steps " + std::to_string(steps) + ": must be 1 to " +
                                      std::to_string(config.num_train_timesteps) + ", the timesteps of this model");
  }
  check_combination(sampler, schedule);
  const Family family = family_of(sampler);
  const Spacing spacing = spacing_of(schedule, config.timestep_spacing);
  const std::vector<double> timesteps = make_timesteps(family, spacing, config, steps);
  if (family == Family::kDiffusion) return plan_diffusion(noise, config, timesteps);

  // The reference's ancestral Euler always ends at zero noise.
  const bool ends_clean = config.final_sigmas_type == FinalSigma::kZero || sampler == SamplerKind::kEulerAncestral;
  const NoiseLevel last = ends_clean ? NoiseLevel{} : level_of_ratio(static_cast<double>(noise.ratios().front()), 0);
  if (family == Family::kSolver) return join_levels(solver_levels(noise, config, schedule, timesteps), last);
  Trajectory trajectory = join_levels(sigma_levels(noise, schedule, timesteps), last);
  trajectory.init_scale = init_scale(spacing, trajectory);
  return trajectory;
}

}  // namespace txt2img

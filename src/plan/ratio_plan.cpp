// Trajectories over noise levels sigma/alpha of the training table, or between them.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "plan/wish.h"
#include "sigma_schedule.h"
#include "timestep_grid.h"

namespace txt2img {
namespace {

struct Point {
  double sigma = 0;
  double timestep = 0;
};

GridFamily grid_of(const Wish& wish) {
  return wish.family() == Family::kSolver ? GridFamily::kSolver : GridFamily::kSigma;
}

// The solvers of the reference tell the network whole timesteps. Most round those of Karras' levels, DPM-Solver those
// of Lu's too, except with cosine betas; the rest is cut off.
double told_timestep(const Wish& wish, double timestep) {
  if (wish.family() != Family::kSolver) {
    const bool rounds = wish.sampler == SamplerKind::kDpm2 || wish.sampler == SamplerKind::kDpm2Ancestral;
    return rounds && wish.schedule == ScheduleKind::kKarras ? std::nearbyint(timestep) : to_float32(timestep);
  }
  const bool is_multistep_dpm = wish.sampler == SamplerKind::kDpmpp2m || wish.sampler == SamplerKind::kDpmpp2mSde ||
                                wish.sampler == SamplerKind::kDpmpp3m;
  const bool is_cosine = wish.config.beta_schedule == BetaSchedule::kSquaredcosCapV2;
  const bool is_of_karras = wish.schedule == ScheduleKind::kKarras || wish.schedule == ScheduleKind::kLu;
  return is_of_karras && !(is_multistep_dpm && is_cosine) ? std::nearbyint(timestep) : std::trunc(timestep);
}

// Those the user or the model names, else the ends of the run's own levels, or of the whole table.
SigmaRange sigma_range(const Wish& wish) {
  const std::vector<float>::size_type last = wish.noise.ratios().size() - 1;
  double low = static_cast<double>(wish.noise.ratios()[0]);
  double high = static_cast<double>(wish.noise.ratios()[last]);
  if (wish.schedule == ScheduleKind::kLu) {  // the reference spreads their logarithms, which it keeps in float32
    low = std::exp(to_float32(std::log(low)));
    high = std::exp(to_float32(std::log(high)));
  } else if (wish.family() == Family::kSigma) {
    const std::vector<double> timesteps = spaced_timesteps(GridFamily::kSigma, wish.spacing(), wish.config, wish.steps);
    low = wish.noise.ratio_at(timesteps.back());
    high = wish.noise.ratio_at(timesteps.front());
  }
  const auto chosen = [](std::optional<double> asked, std::optional<double> of_model, double otherwise) {
    return asked ? *asked : of_model.value_or(otherwise);
  };
  return {.min = chosen(wish.options.sigma_min, wish.config.sigma_min, low),
          .max = chosen(wish.options.sigma_max, wish.config.sigma_max, high),
          .rho = wish.options.rho};
}

std::vector<Point> points_at(const Wish& wish, const std::vector<double>& timesteps) {
  std::vector<Point> points;
  for (const double t : timesteps) points.push_back({.sigma = wish.noise.ratio_at(t), .timestep = t});
  return points;
}

std::vector<Point> points_of(const Wish& wish, const std::vector<double>& sigmas) {
  std::vector<Point> points;
  for (const double sigma : sigmas) {
    points.push_back({.sigma = sigma, .timestep = told_timestep(wish, wish.noise.timestep_of(sigma))});
  }
  return points;
}

std::vector<Point> sgm_uniform_points(const Wish& wish) {
  std::vector<Point> points;
  for (const double t : sgm_uniform_timesteps(wish.train_steps(), wish.steps)) {
    points.push_back({.sigma = wish.noise.log_linear_ratio_at(t), .timestep = to_float32(t)});
  }
  return points;
}

std::vector<Point> ratio_points(const Wish& wish) {
  const SamplerOptions& options = wish.options;
  if (!options.sigmas.empty()) return points_of(wish, {options.sigmas.begin(), options.sigmas.end() - 1});
  if (!options.timesteps.empty()) return points_at(wish, options.timesteps);
  if (is_sigma_schedule(wish.schedule)) {
    return points_of(wish, spread_sigmas(wish.schedule, sigma_range(wish), wish.steps));
  }
  if (wish.schedule == ScheduleKind::kSgmUniform) return sgm_uniform_points(wish);
  if (wish.schedule == ScheduleKind::kSimple) return points_at(wish, simple_timesteps(wish.train_steps(), wish.steps));
  return points_at(wish, spaced_timesteps(grid_of(wish), wish.spacing(), wish.config, wish.steps));
}

// Where the run ends. DEIS and the SA solver of the reference stop at the least noise of the table, or stay at the last
// of the levels that a formula spread; UniPC does the latter if told to end at sigma_min.
double final_ratio(const Wish& wish, const std::vector<Point>& points) {
  if (!wish.options.sigmas.empty()) return wish.options.sigmas.back();
  const auto least = static_cast<double>(wish.noise.ratios().front());
  const double last = is_sigma_schedule(wish.schedule) ? points.back().sigma : least;
  switch (wish.sampler) {
    case SamplerKind::kDeis:
    case SamplerKind::kSaSolver: return last;
    case SamplerKind::kUnipc: return wish.final_type() == FinalSigma::kZero ? 0 : last;
    case SamplerKind::kEuler:
    case SamplerKind::kDpmpp2m:
    case SamplerKind::kDpmpp2mSde:
    case SamplerKind::kDpmpp2s:
    case SamplerKind::kDpmpp3m: return wish.final_type() == FinalSigma::kZero ? 0 : least;
    default: return 0;
  }
}

// The reference's ancestral dpm2 forms the lower level of a step in float32, where its digits cancel.
double ancestral_down_float32(double from, double to) {
  const auto s = static_cast<float>(from);
  const auto next = static_cast<float>(to);
  const float up = std::sqrt(next * next * (s * s - next * next) / (s * s));
  return static_cast<double>(std::sqrt(next * next - up * up));
}

// The ratio half-way in log sigma, or 0 on the way to no noise, where there is no second stage.
double middle_ratio(SamplerKind sampler, double from, double to) {
  const double end = sampler == SamplerKind::kDpm2Ancestral && to > 0 ? ancestral_down_float32(from, to) : to;
  return end > 0 ? to_float32(std::exp((std::log(from) + std::log(end)) / 2)) : 0;
}

bool has_middle(SamplerKind sampler) {
  return sampler == SamplerKind::kDpm2 || sampler == SamplerKind::kDpm2Ancestral || sampler == SamplerKind::kDpmppSde;
}

void add_middles(const Wish& wish, Trajectory& trajectory) {
  const auto ratio = [](const NoiseLevel& level) { return level.sigma / level.alpha; };
  for (Step& step : trajectory.steps) {
    const double middle = middle_ratio(wish.sampler, ratio(step.from), ratio(step.to));
    step.mid = middle > 0 ? level_of_ratio(middle, to_float32(wish.noise.timestep_of(middle))) : step.to;
  }
}

// x = alpha x_ve, where x_ve is what the reference's samplers of sigma carry: it begins with max(ratio), or with
// sqrt(max(ratio)^2 + 1) with leading spacing, times the noise; and it is the latent.
void scale_ends(const Wish& wish, Trajectory& trajectory) {
  const NoiseLevel& first = trajectory.steps.front().from;
  trajectory.init_scale = wish.spacing() == Spacing::kLeading ? std::hypot(first.sigma, first.alpha) : first.sigma;
  trajectory.final_scale = 1 / trajectory.steps.back().to.alpha;
}

}  // namespace

Trajectory plan_ratios(const Wish& wish) {
  const std::vector<Point> points = ratio_points(wish);
  std::vector<NoiseLevel> levels;
  for (const Point& point : points) levels.push_back(level_of_ratio(to_float32(point.sigma), point.timestep));
  Trajectory trajectory = join(levels, level_of_ratio(to_float32(final_ratio(wish, points)), 0));
  if (has_middle(wish.sampler)) add_middles(wish, trajectory);
  if (wish.family() == Family::kSigma) scale_ends(wish, trajectory);
  return trajectory;
}

}  // namespace txt2img

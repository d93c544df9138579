// Trajectories over noise levels sigma/alpha of the training table, or between them.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "sampling/sigma_schedule.h"
#include "sampling/timestep_grid.h"
#include "sampling/trajectory_request.h"

namespace txt2img {
namespace {

struct Point {
  double sigma = 0;
  double timestep = 0;
};

GridFamily grid_of(const TrajectoryRequest& request) {
  return request.family() == SamplerFamily::kSolver ? GridFamily::kSolver : GridFamily::kSigma;
}

// The solvers of the reference tell the network whole timesteps. Most round those of Karras' levels, DPM-Solver those
// of Lu's too, except with cosine betas; the rest is cut off.
double told_timestep(const TrajectoryRequest& request, double timestep) {
  const bool is_karras = request.schedule == ScheduleKind::kKarras;
  const bool is_of_karras = is_karras || request.schedule == ScheduleKind::kLu;
  const bool is_cosine = request.config.beta_schedule == BetaSchedule::kSquaredcosCapV2;
  switch (request.levels().rounding) {
    case Rounding::kFractional: return to_float32(timestep);
    case Rounding::kFractionalButKarras: return is_karras ? std::nearbyint(timestep) : to_float32(timestep);
    case Rounding::kWhole: return is_of_karras ? std::nearbyint(timestep) : std::trunc(timestep);
    case Rounding::kWholeButCosine: return is_of_karras && !is_cosine ? std::nearbyint(timestep) : std::trunc(timestep);
  }
  return timestep;
}

// Those the user or the model names, else the ends of the run's own levels, or of the whole table.
SigmaRange sigma_range(const TrajectoryRequest& request) {
  const std::vector<float>::size_type last = request.noise.ratios().size() - 1;
  double low = static_cast<double>(request.noise.ratios()[0]);
  double high = static_cast<double>(request.noise.ratios()[last]);
  if (request.schedule == ScheduleKind::kLu) {  // the reference spreads their logarithms, which it keeps in float32
    low = std::exp(to_float32(std::log(low)));
    high = std::exp(to_float32(std::log(high)));
  } else if (request.family() == SamplerFamily::kSigma) {
    const std::vector<double> timesteps =
        spaced_timesteps(GridFamily::kSigma, request.spacing(), request.config, request.steps);
    low = request.noise.ratio_at(timesteps.back());
    high = request.noise.ratio_at(timesteps.front());
  }
  const auto chosen = [](std::optional<double> asked, std::optional<double> of_model, double otherwise) {
    return asked ? *asked : of_model.value_or(otherwise);
  };
  return {.min = chosen(request.options.sigma_min, request.config.sigma_min, low),
          .max = chosen(request.options.sigma_max, request.config.sigma_max, high),
          .rho = request.options.rho};
}

std::vector<Point> points_at(const TrajectoryRequest& request, const std::vector<double>& timesteps) {
  std::vector<Point> points;
  for (const double t : timesteps) points.push_back({.sigma = request.noise.ratio_at(t), .timestep = t});
  return points;
}

std::vector<Point> points_of(const TrajectoryRequest& request, const std::vector<double>& sigmas) {
  std::vector<Point> points;
  for (const double sigma : sigmas) {
    points.push_back({.sigma = sigma, .timestep = told_timestep(request, request.noise.timestep_of(sigma))});
  }
  return points;
}

std::vector<Point> sgm_uniform_points(const TrajectoryRequest& request) {
  std::vector<Point> points;
  for (const double t : sgm_uniform_timesteps(request.train_steps(), request.steps)) {
    points.push_back({.sigma = request.noise.log_linear_ratio_at(t), .timestep = to_float32(t)});
  }
  return points;
}

std::vector<Point> ratio_points(const TrajectoryRequest& request) {
  const SamplerOptions& options = request.options;
  if (!options.sigmas.empty()) return points_of(request, {options.sigmas.begin(), options.sigmas.end() - 1});
  if (!options.timesteps.empty()) return points_at(request, options.timesteps);
  if (is_sigma_schedule(request.schedule)) {
    return points_of(request, spread_sigmas(request.schedule, sigma_range(request), request.steps));
  }
  if (request.schedule == ScheduleKind::kSgmUniform) return sgm_uniform_points(request);
  if (request.schedule == ScheduleKind::kSimple)
    return points_at(request, simple_timesteps(request.train_steps(), request.steps));
  return points_at(request, spaced_timesteps(grid_of(request), request.spacing(), request.config, request.steps));
}

// Where the run ends. DEIS and the SA solver of the reference stop at the least noise of the table, or stay at the last
// of the levels that a formula spread; UniPC does the latter if told to end at sigma_min.
double final_ratio(const TrajectoryRequest& request, const std::vector<Point>& points) {
  if (!request.options.sigmas.empty()) return request.options.sigmas.back();
  const auto least = static_cast<double>(request.noise.ratios().front());
  const double last = is_sigma_schedule(request.schedule) ? points.back().sigma : least;
  switch (request.levels().end) {
    case RunEnd::kClean:
    case RunEnd::kModel: return 0;
    case RunEnd::kAsked: return request.ends_clean() ? 0 : least;
    case RunEnd::kAskedOrLast: return request.ends_clean() ? 0 : last;
    case RunEnd::kLast: return last;
  }
  return 0;
}

// The reference's ancestral dpm2 forms the lower level of a step in float32, where its digits cancel.
double ancestral_down_float32(double from, double to) {
  const auto s = static_cast<float>(from);
  const auto next = static_cast<float>(to);
  const float up = std::sqrt(next * next * (s * s - next * next) / (s * s));
  return static_cast<double>(std::sqrt(next * next - up * up));
}

// The ratio half-way in log sigma, or 0 on the way to no noise, where there is no second stage.
double middle_ratio(StageLevel stage, double from, double to) {
  const double end = stage == StageLevel::kAncestralLogMiddle && to > 0 ? ancestral_down_float32(from, to) : to;
  return end > 0 ? to_float32(std::exp((std::log(from) + std::log(end)) / 2)) : 0;
}

void add_middles(const TrajectoryRequest& request, Trajectory& trajectory) {
  const auto ratio = [](const NoiseLevel& level) { return level.sigma / level.alpha; };
  for (Step& step : trajectory.steps) {
    const double middle = middle_ratio(request.levels().second_stage, ratio(step.from), ratio(step.to));
    step.mid = middle > 0 ? level_of_ratio(middle, to_float32(request.noise.timestep_of(middle))) : step.to;
  }
}

// x = alpha x_ve, where x_ve is what the reference's samplers of sigma carry: it begins with max(ratio), or with
// sqrt(max(ratio)^2 + 1) with leading spacing, times the noise; and it is the latent.
void scale_ends(const TrajectoryRequest& request, Trajectory& trajectory) {
  const NoiseLevel& first = trajectory.steps.front().from;
  trajectory.init_scale = request.spacing() == Spacing::kLeading ? std::hypot(first.sigma, first.alpha) : first.sigma;
  trajectory.final_scale = 1 / trajectory.steps.back().to.alpha;
}

}  // namespace

Trajectory ratio_trajectory(const TrajectoryRequest& request) {
  const std::vector<Point> points = ratio_points(request);
  std::vector<NoiseLevel> levels;
  for (const Point& point : points) levels.push_back(level_of_ratio(to_float32(point.sigma), point.timestep));
  Trajectory trajectory = join(levels, level_of_ratio(to_float32(final_ratio(request, points)), 0));
  if (request.levels().second_stage != StageLevel::kNone) add_middles(request, trajectory);
  if (request.family() == SamplerFamily::kSigma) scale_ends(request, trajectory);
  return trajectory;
}

}  // namespace txt2img

#include "sampling/timestep_grid.h"

#include <cmath>
#include <string>

#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img {
namespace {

int points_of(GridFamily family, int steps) { return family == GridFamily::kSolver ? steps + 1 : steps; }

// nearbyint rounds halves to even, as numpy does.
std::vector<double> linspace_timesteps(GridFamily family, int train_steps, int steps) {
  std::vector<double> timesteps;
  const int points = points_of(family, steps);
  for (int i = points - 1; i >= points - steps; --i) {
    const double t = linspace_at(0, train_steps - 1, points, i);
    timesteps.push_back(family == GridFamily::kSigma ? static_cast<double>(static_cast<float>(t)) : std::nearbyint(t));
  }
  return timesteps;
}

std::vector<double> leading_timesteps(GridFamily family, int train_steps, int steps, int offset) {
  const int points = points_of(family, steps);
  const int stride = train_steps / points;
  const int first = (points - 1) * stride + offset;
  if (stride < 1 || first >= train_steps) {
    throw Error(ExitCode::kUsage, format_text("{} steps do not fit into the model's {} timesteps with leading spacing; "
                                              "use fewer steps or --schedule trailing",
                                              steps, train_steps));
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

}  // namespace

double linspace_at(double first, double last, int n, int i) {
  if (n == 1) return first;
  return i == n - 1 ? last : first + i * ((last - first) / (n - 1));
}

std::vector<double> spaced_timesteps(GridFamily family, Spacing spacing, const SchedulerConfig& config, int steps) {
  switch (spacing) {
    case Spacing::kLinspace: return linspace_timesteps(family, config.num_train_timesteps, steps);
    case Spacing::kLeading: return leading_timesteps(family, config.num_train_timesteps, steps, config.steps_offset);
    case Spacing::kTrailing: return trailing_timesteps(config.num_train_timesteps, steps);
  }
  return {};
}

std::vector<double> simple_timesteps(int train_steps, int steps) {
  const double stride = static_cast<double>(train_steps) / steps;
  std::vector<double> timesteps;
  for (int i = 0; i < steps; ++i) timesteps.push_back(train_steps - 1 - std::floor(i * stride));
  return timesteps;
}

std::vector<double> sgm_uniform_timesteps(int train_steps, int steps) {
  std::vector<double> timesteps;
  for (int i = 0; i < steps; ++i) timesteps.push_back(linspace_at(train_steps - 1, 0, steps + 1, i));
  return timesteps;
}

std::vector<double> distilled_timesteps(int train_steps, int original, int steps) {
  if (original > train_steps || steps > original) {
    throw Error(
        ExitCode::kUsage,
        format_text(
            "{} steps of a distilled grid of {} out of {} timesteps: use fewer steps, or another original_steps", steps,
            original, train_steps));
  }
  const int stride = train_steps / original;
  std::vector<double> timesteps;
  for (int i = 0; i < steps; ++i) {
    const auto skipped = static_cast<int>(std::floor(i * (static_cast<double>(original) / steps)));
    timesteps.push_back((original - skipped) * stride - 1);
  }
  return timesteps;
}

}  // namespace txt2img

#include "sampler/start.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "txt2img/error.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

std::vector<std::size_t> possible_starts(const Trajectory& trajectory) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < trajectory.steps.size(); ++i) {
    if (!trajectory.steps[i].is_further_call) starts.push_back(i);
  }
  return starts;
}

[[noreturn]] void refuse(std::size_t steps) {
  const double least = std::ceil(1e4 / static_cast<double>(steps)) / 1e4;
  throw Error(ExitCode::kUsage, "strength: none of " + std::to_string(steps) + " steps would be run; give at least " +
                                    to_shortest_text(least) + ", or more steps");
}

}  // namespace

Start start_from_noise(const Trajectory& trajectory, const at::Tensor& noise) {
  return {.x = trajectory.init_scale * noise};
}

Start start_from_latent(const Trajectory& trajectory, const at::Tensor& x0, const at::Tensor& noise, double strength) {
  const std::vector<std::size_t> starts = possible_starts(trajectory);
  const auto steps = static_cast<double>(starts.size());
  const double share = std::min(steps * strength, steps);
  if (!(share >= 1)) refuse(starts.size());  // not a number, too
  const std::size_t first = starts[starts.size() - static_cast<std::size_t>(share)];
  const NoiseLevel& level = trajectory.steps[first].from;
  return {.x = level.alpha * x0 + level.sigma * noise, .first_step = first};
}

}  // namespace txt2img

// What does not go together: samplers, schedules, lists, options and models.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/sigma_schedule.h"
#include "sampling/trajectory_request.h"
#include "txt2img/error.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::kUsage, message); }

std::string sampler_name(const TrajectoryRequest& request) {
  return "sampler " + std::string(info(request.sampler).name);
}

void check_steps(const TrajectoryRequest& request) {
  if (request.steps >= 1 && request.steps <= request.train_steps()) return;
  refuse("steps " + std::to_string(request.steps) + ": must be 1 to " + std::to_string(request.train_steps()) +
         ", the timesteps of this model");
}

void check_falling(const std::vector<double>& list, const std::string& name, double max, double min) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool is_inside = list[i] <= max && list[i] >= min;  // not-a-number never is
    if (!is_inside) {
      refuse(name + ": " + to_shortest_text(list[i]) + " is out of range; use " + to_shortest_text(min) + " to " +
             to_shortest_text(max));
    }
    if (i > 0 && list[i] >= list[i - 1]) {
      refuse(name + " have to fall, but " + to_shortest_text(list[i]) + " follows " + to_shortest_text(list[i - 1]));
    }
  }
}

bool are_whole(const std::vector<double>& list) {
  return std::ranges::all_of(list, [](double t) { return t == std::trunc(t); });
}

void check_lists(const TrajectoryRequest& request) {
  const SamplerOptions& options = request.options;
  if (options.sigmas.empty() && options.timesteps.empty()) return;
  if (!options.sigmas.empty() && !options.timesteps.empty())
    refuse("sigmas and timesteps both say where a run goes; give one");
  if (request.schedule != ScheduleKind::kModel) {
    refuse("schedule " + std::string(info(request.schedule).name) +
           " and a list of sigmas or timesteps both say where a "
           "run goes; give one");
  }
  if (options.sigmas.size() == 1) refuse("sigmas: one level is no run; give at least two, the last is where it ends");
  const SamplerFamily family = request.family();
  const bool is_in_sigma = family == SamplerFamily::kSigma || family == SamplerFamily::kSolver;
  if (!options.sigmas.empty() && !is_in_sigma) refuse(sampler_name(request) + " takes timesteps, not sigmas");
  if (!options.timesteps.empty() && request.model() != ModelKind::kDiffusion) {
    refuse("this model takes sigmas, not timesteps");
  }
  if (family == SamplerFamily::kPndm) refuse("sampler pndm makes its own list of timesteps; use another sampler");
  constexpr double kSigmaMax = 1e5;
  check_falling(options.sigmas, "sigmas", request.config.is_flow() ? 1 : kSigmaMax, 0);
  check_falling(options.timesteps, "timesteps", request.train_steps() - 1, 0);
  if (family != SamplerFamily::kSigma && !are_whole(options.timesteps)) {
    refuse(sampler_name(request) + " takes whole timesteps only");
  }
}

void check_schedule(const TrajectoryRequest& request) {
  if (has_schedule(info(request.sampler), info(request.schedule))) return;
  const std::string what =
      sampler_name(request) + " has no " + std::string(info(request.schedule).name) + " schedule: ";
  if (request.family() == SamplerFamily::kDistilled)
    refuse(what + "it visits the grid its model was distilled on; use --schedule model");
  refuse(what + "it visits timesteps of the training table; use --sampler euler, the same rule on any noise levels");
}

void check_schedule_options(const TrajectoryRequest& request) {
  const auto is_asked = [&request](std::string_view name) {
    const auto row = std::ranges::find(sampler_options(), name, &SamplerOptionInfo::name);
    return !text_of(request.options, *row).empty();
  };
  const bool is_edm_karras = request.config.is_edm() && request.schedule == ScheduleKind::kModel;
  if (is_asked("rho") && request.schedule != ScheduleKind::kKarras && !is_edm_karras) {
    refuse("rho has a meaning only with schedule karras");
  }
  const bool is_spread = info(request.schedule).basis == ScheduleBasis::kSigmas;
  if ((is_asked("sigma_min") || is_asked("sigma_max")) && !is_spread && !is_edm_karras) {
    refuse("sigma_min and sigma_max have a meaning only with the schedules karras, exponential, beta and lu");
  }
  if (is_asked("shift") && !request.config.is_flow()) refuse("shift has a meaning only for models of flow matching");
}

void check_prediction(const TrajectoryRequest& request) {
  const bool is_epsilon = request.options.solver_prediction == SolverPrediction::kEpsilon;
  if (is_epsilon && request.levels().end != RunEnd::kLast && request.ends_clean()) {
    refuse("solver_prediction epsilon does not reach zero noise; add --final-sigmas-type sigma_min");
  }
  const SamplerInfo& sampler = info(request.sampler);
  if (sampler.solver.needs_lower_order_final && !request.options.lower_order_final && request.ends_clean()) {
    refuse(std::string(sampler.name) +
           " without lower_order_final does not reach zero noise; add --final-sigmas-type sigma_min");
  }
  if (request.config.prediction_type == PredictionType::kSample && request.family() == SamplerFamily::kPndm) {
    refuse("sampler pndm needs a model that predicts epsilon or v; use --sampler ddim");
  }
}

void check_model(const TrajectoryRequest& request) {
  const SamplerInfo& sampler = info(request.sampler);
  const ModelKind model = request.model();
  if (model != ModelKind::kEdm && !sampler.models.contains(ModelKind::kDiffusion)) {
    refuse(sampler_name(request) + " needs a model with EDM preconditioning (sigma_data in model.json); use " +
           std::string(sampler.plain_twin));
  }
  const bool is_good = sampler.models.contains(model);
  if (model == ModelKind::kEdm && !is_good)
    refuse(sampler_name(request) + " does not go with a model of EDM preconditioning; use edm_euler or edm_dpmpp_2m");
  if (model == ModelKind::kFlow && (!is_good || request.options.s_churn > 0))
    refuse(sampler_name(request) + " does not go with flow matching; use euler or heun");
  if (info(request.schedule).models.contains(model)) return;
  if (model == ModelKind::kEdm)
    refuse("a model of EDM preconditioning has the schedules karras, exponential and beta only");
  refuse("a model of flow matching has the schedules model, karras, exponential and beta only");
}

}  // namespace

void check_trajectory(const TrajectoryRequest& request) {
  check_steps(request);
  check_options(request.options, request.sampler);
  check_model(request);
  check_lists(request);
  check_schedule(request);
  check_schedule_options(request);
  check_prediction(request);
}

}  // namespace txt2img

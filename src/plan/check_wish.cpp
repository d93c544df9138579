// What does not go together: samplers, schedules, lists, options and models.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "number_text.h"
#include "plan/wish.h"
#include "sigma_schedule.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::kUsage, message); }

std::string sampler_name(const Wish& wish) { return "sampler " + std::string(info(wish.sampler).name); }

void check_steps(const Wish& wish) {
  if (wish.steps >= 1 && wish.steps <= wish.train_steps()) return;
  refuse("steps " + std::to_string(wish.steps) + ": must be 1 to " + std::to_string(wish.train_steps()) +
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

void check_lists(const Wish& wish) {
  const SamplerOptions& options = wish.options;
  if (options.sigmas.empty() && options.timesteps.empty()) return;
  if (!options.sigmas.empty() && !options.timesteps.empty())
    refuse("sigmas and timesteps both say where a run goes; give one");
  if (wish.schedule != ScheduleKind::kModel) {
    refuse("schedule " + std::string(info(wish.schedule).name) +
           " and a list of sigmas or timesteps both say where a "
           "run goes; give one");
  }
  if (options.sigmas.size() == 1) refuse("sigmas: one level is no run; give at least two, the last is where it ends");
  const bool is_in_sigma = wish.family() == Family::kSigma || wish.family() == Family::kSolver;
  if (!options.sigmas.empty() && !is_in_sigma) refuse(sampler_name(wish) + " takes timesteps, not sigmas");
  if (!options.timesteps.empty() && (wish.config.is_edm() || wish.config.is_flow())) {
    refuse("this model takes sigmas, not timesteps");
  }
  if (wish.sampler == SamplerKind::kPndm) refuse("sampler pndm makes its own list of timesteps; use another sampler");
  constexpr double kSigmaMax = 1e5;
  check_falling(options.sigmas, "sigmas", wish.config.is_flow() ? 1 : kSigmaMax, 0);
  check_falling(options.timesteps, "timesteps", wish.train_steps() - 1, 0);
  if (wish.family() != Family::kSigma && !are_whole(options.timesteps)) {
    refuse(sampler_name(wish) + " takes whole timesteps only");
  }
}

void check_schedule(const Wish& wish) {
  const std::string schedule(info(wish.schedule).name);
  if (wish.family() == Family::kDistilled && wish.schedule != ScheduleKind::kModel) {
    refuse(sampler_name(wish) + " has no " + schedule +
           " schedule: it visits the grid its model was distilled on; use "
           "--schedule model");
  }
  const bool is_table = wish.family() == Family::kDiffusion || wish.family() == Family::kPndm;
  const bool is_between = is_sigma_schedule(wish.schedule) || wish.schedule == ScheduleKind::kSgmUniform;
  if ((is_table && is_between) || (wish.sampler == SamplerKind::kPndm && wish.schedule == ScheduleKind::kSimple)) {
    refuse(sampler_name(wish) + " has no " + schedule +
           " schedule: it visits timesteps of the training table; use "
           "--sampler euler, the same rule on any noise levels");
  }
}

void check_schedule_options(const Wish& wish) {
  const auto is_asked = [&wish](std::string_view name) {
    const auto row = std::ranges::find(sampler_options(), name, &SamplerOptionInfo::name);
    return !text_of(wish.options, *row).empty();
  };
  const bool is_edm_karras = wish.config.is_edm() && wish.schedule == ScheduleKind::kModel;
  if (is_asked("rho") && wish.schedule != ScheduleKind::kKarras && !is_edm_karras) {
    refuse("rho has a meaning only with schedule karras");
  }
  const bool is_spread =
      is_sigma_schedule(wish.schedule) && wish.schedule != ScheduleKind::kAys && wish.schedule != ScheduleKind::kAysXl;
  if ((is_asked("sigma_min") || is_asked("sigma_max")) && !is_spread && !is_edm_karras) {
    refuse("sigma_min and sigma_max have a meaning only with the schedules karras, exponential, beta and lu");
  }
  if (is_asked("shift") && !wish.config.is_flow()) refuse("shift has a meaning only for models of flow matching");
}

void check_prediction(const Wish& wish) {
  const bool is_epsilon = wish.options.solver_prediction == SolverPrediction::kEpsilon;
  if (is_epsilon && wish.sampler != SamplerKind::kSaSolver && wish.final_type() == FinalSigma::kZero) {
    refuse("solver_prediction epsilon does not reach zero noise; add --final-sigmas-type sigma_min");
  }
  const bool is_unfinished = wish.sampler == SamplerKind::kUnipc && !wish.options.lower_order_final;
  if (is_unfinished && wish.final_type() == FinalSigma::kZero) {
    refuse("unipc without lower_order_final does not reach zero noise; add --final-sigmas-type sigma_min");
  }
  if (wish.config.prediction_type == PredictionType::kSample && wish.sampler == SamplerKind::kPndm) {
    refuse("sampler pndm needs a model that predicts epsilon or v; use --sampler ddim");
  }
}

void check_model(const Wish& wish) {
  const bool is_edm_sampler = wish.sampler == SamplerKind::kEdmEuler || wish.sampler == SamplerKind::kEdmDpmpp2m;
  if (is_edm_sampler && !wish.config.is_edm()) {
    refuse(sampler_name(wish) + " needs a model with EDM preconditioning (sigma_data in model.json); use " +
           (wish.sampler == SamplerKind::kEdmEuler ? "euler" : "dpmpp_2m"));
  }
  if (wish.config.is_edm()) {
    constexpr std::array kGood{SamplerKind::kEuler,    SamplerKind::kEulerAncestral, SamplerKind::kHeun,
                               SamplerKind::kDpmpp2m,  SamplerKind::kDpmpp2mSde,     SamplerKind::kDpmpp3m,
                               SamplerKind::kEdmEuler, SamplerKind::kEdmDpmpp2m};
    const bool is_good = std::ranges::find(kGood, wish.sampler) != kGood.end();
    if (!is_good)
      refuse(sampler_name(wish) + " does not go with a model of EDM preconditioning; use edm_euler or edm_dpmpp_2m");
    const bool has_schedule = wish.schedule == ScheduleKind::kModel || wish.schedule == ScheduleKind::kKarras ||
                              wish.schedule == ScheduleKind::kExponential || wish.schedule == ScheduleKind::kBeta;
    if (!has_schedule) refuse("a model of EDM preconditioning has the schedules karras, exponential and beta only");
  }
  if (wish.config.is_flow()) {
    constexpr std::array kGood{SamplerKind::kEuler,      SamplerKind::kHeun,    SamplerKind::kDpmpp2m,
                               SamplerKind::kDpmpp2mSde, SamplerKind::kDpmpp2s, SamplerKind::kDpmpp3m,
                               SamplerKind::kDeis,       SamplerKind::kUnipc,   SamplerKind::kSaSolver};
    const bool is_good = std::ranges::find(kGood, wish.sampler) != kGood.end();
    if (!is_good || wish.options.s_churn > 0)
      refuse(sampler_name(wish) + " does not go with flow matching; use euler or heun");
    const bool has_schedule = wish.schedule == ScheduleKind::kModel || wish.schedule == ScheduleKind::kKarras ||
                              wish.schedule == ScheduleKind::kExponential || wish.schedule == ScheduleKind::kBeta;
    if (!has_schedule) refuse("a model of flow matching has the schedules model, karras, exponential and beta only");
  }
}

}  // namespace

void check_wish(const Wish& wish) {
  check_steps(wish);
  check_options(wish.options, wish.sampler);
  check_model(wish);
  check_lists(wish);
  check_schedule(wish);
  check_schedule_options(wish);
  check_prediction(wish);
}

}  // namespace txt2img

#include "bundle/scheduler_json.h"

#include <array>
#include <string>

namespace txt2img {
namespace {

constexpr int kTimestepsMax = 100000;
constexpr NumberRange kBetaRange{.min = 0, .max = 1, .is_open = true};

// The names of diffusers, in the order of the enums.
constexpr std::array<std::string_view, 6> kBetaSchedules{"linear",  "scaled_linear", "squaredcos_cap_v2",
                                                         "sigmoid", "laplace",       "exp"};
constexpr std::array<std::string_view, 4> kPredictionTypes{"epsilon", "v_prediction", "sample", "flow_prediction"};
constexpr std::array<std::string_view, 3> kSpacings{"linspace", "leading", "trailing"};
constexpr std::array<std::string_view, 2> kFinalSigmas{"zero", "sigma_min"};

void parse_trained_betas(const JsonObject& object, SchedulerConfig& config) {
  for (const std::string_view replaced : {"beta_schedule", "beta_start", "beta_end"}) {
    if (object.has(replaced)) object.fail(replaced, "is there beside trained_betas, which replaces it");
  }
  config.beta_schedule = BetaSchedule::kTrained;
  config.trained_betas = object.get_numbers("trained_betas", kBetaRange);
  if (config.trained_betas.size() != static_cast<std::size_t>(config.num_train_timesteps)) {
    object.fail("trained_betas", "has " + std::to_string(config.trained_betas.size()) +
                                     " entries, must have num_train_timesteps, " +
                                     std::to_string(config.num_train_timesteps));
  }
}

void parse_betas(const JsonObject& object, SchedulerConfig& config) {
  if (object.has("trained_betas")) {
    parse_trained_betas(object, config);
    return;
  }
  config.beta_schedule = static_cast<BetaSchedule>(object.get_choice("beta_schedule", kBetaSchedules));
  config.beta_start = object.get_number("beta_start", kBetaRange);
  config.beta_end = object.get_number("beta_end", kBetaRange);
  if (config.beta_start > config.beta_end) object.fail("beta_start", "is greater than beta_end");
}

bool get_bool_or(const JsonObject& object, std::string_view key, bool otherwise) {
  return object.has(key) ? object.get_bool(key) : otherwise;
}

double get_number_or(const JsonObject& object, std::string_view key, double otherwise, const NumberRange& range) {
  return object.has(key) ? object.get_number(key, range) : otherwise;
}

void parse_limits(const JsonObject& object, SchedulerConfig& config) {
  constexpr NumberRange kPositive{.min = 0, .max = 1e6, .is_open = true};
  constexpr NumberRange kUnit{.min = 0, .max = 1};
  config.clip_sample = get_bool_or(object, "clip_sample", config.clip_sample);
  config.thresholding = get_bool_or(object, "thresholding", config.thresholding);
  config.clip_sample_range = get_number_or(object, "clip_sample_range", config.clip_sample_range, kPositive);
  config.dynamic_thresholding_ratio =
      get_number_or(object, "dynamic_thresholding_ratio", config.dynamic_thresholding_ratio, kUnit);
  config.sample_max_value = get_number_or(object, "sample_max_value", config.sample_max_value, {.min = 1, .max = 1e6});
}

void parse_sigmas(const JsonObject& object, SchedulerConfig& config) {
  constexpr NumberRange kSigma{.min = 0, .max = 1e5, .is_open = true};
  config.sigma_data = get_number_or(object, "sigma_data", config.sigma_data, kSigma);
  if (object.has("sigma_min")) config.sigma_min = object.get_number("sigma_min", kSigma);
  if (object.has("sigma_max")) config.sigma_max = object.get_number("sigma_max", kSigma);
  if (config.sigma_min && config.sigma_max && *config.sigma_min >= *config.sigma_max) {
    object.fail("sigma_min", "is not below sigma_max");
  }
  config.rho = get_number_or(object, "rho", config.rho, {.min = 0.1, .max = 100});
  config.shift = get_number_or(object, "shift", config.shift, {.min = 0.01, .max = 100});
  if (!config.is_edm()) return;
  const bool is_possible =
      config.prediction_type == PredictionType::kEpsilon || config.prediction_type == PredictionType::kVelocity;
  if (!is_possible) object.fail("sigma_data", "goes with prediction_type epsilon or v_prediction only");
}

void parse_distillation(const JsonObject& object, SchedulerConfig& config) {
  if (object.has("original_inference_steps")) {
    config.original_inference_steps = object.get_integer("original_inference_steps", 1, config.num_train_timesteps);
  }
  config.timestep_scaling =
      get_number_or(object, "timestep_scaling", config.timestep_scaling, {.min = 0, .max = 1e6, .is_open = true});
}

}  // namespace

SchedulerConfig parse_scheduler(const JsonObject& object) {
  object.allow_only({"num_train_timesteps",
                     "beta_schedule",
                     "beta_start",
                     "beta_end",
                     "trained_betas",
                     "prediction_type",
                     "timestep_spacing",
                     "steps_offset",
                     "set_alpha_to_one",
                     "rescale_betas_zero_snr",
                     "clip_sample",
                     "thresholding",
                     "final_sigmas_type",
                     "clip_sample_range",
                     "dynamic_thresholding_ratio",
                     "sample_max_value",
                     "sigma_data",
                     "sigma_min",
                     "sigma_max",
                     "rho",
                     "shift",
                     "original_inference_steps",
                     "timestep_scaling"});
  SchedulerConfig config;
  config.num_train_timesteps = object.get_integer("num_train_timesteps", 2, kTimestepsMax);
  parse_betas(object, config);
  config.prediction_type = static_cast<PredictionType>(object.get_choice("prediction_type", kPredictionTypes));
  config.timestep_spacing = static_cast<Spacing>(object.get_choice("timestep_spacing", kSpacings));
  config.steps_offset = object.get_integer("steps_offset", 0, config.num_train_timesteps - 1);
  config.set_alpha_to_one = object.get_bool("set_alpha_to_one");
  config.rescale_betas_zero_snr = get_bool_or(object, "rescale_betas_zero_snr", config.rescale_betas_zero_snr);
  if (object.has("final_sigmas_type")) {
    config.final_sigmas_type = static_cast<FinalSigma>(object.get_choice("final_sigmas_type", kFinalSigmas));
  }
  parse_limits(object, config);
  parse_sigmas(object, config);
  parse_distillation(object, config);
  return config;
}

}  // namespace txt2img

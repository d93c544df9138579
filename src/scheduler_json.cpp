#include "scheduler_json.h"

#include <array>
#include <string>

namespace txt2img {
namespace {

constexpr int kTimestepsMax = 100000;
constexpr NumberRange kBetaRange{.min = 0, .max = 1, .is_open = true};

// The names of diffusers, in the order of the enums.
constexpr std::array<std::string_view, 3> kBetaSchedules{"linear", "scaled_linear", "squaredcos_cap_v2"};
constexpr std::array<std::string_view, 3> kPredictionTypes{"epsilon", "v_prediction", "sample"};
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

}  // namespace

SchedulerConfig parse_scheduler(const JsonObject& object) {
  object.allow_only({"num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "trained_betas",
                     "prediction_type", "timestep_spacing", "steps_offset", "set_alpha_to_one",
                     "rescale_betas_zero_snr", "clip_sample", "thresholding", "final_sigmas_type"});
  SchedulerConfig config;
  config.num_train_timesteps = object.get_integer("num_train_timesteps", 2, kTimestepsMax);
  parse_betas(object, config);
  config.prediction_type = static_cast<PredictionType>(object.get_choice("prediction_type", kPredictionTypes));
  config.timestep_spacing = static_cast<Spacing>(object.get_choice("timestep_spacing", kSpacings));
  config.steps_offset = object.get_integer("steps_offset", 0, config.num_train_timesteps - 1);
  config.set_alpha_to_one = object.get_bool("set_alpha_to_one");
  config.rescale_betas_zero_snr = get_bool_or(object, "rescale_betas_zero_snr", config.rescale_betas_zero_snr);
  config.clip_sample = get_bool_or(object, "clip_sample", config.clip_sample);
  config.thresholding = get_bool_or(object, "thresholding", config.thresholding);
  if (object.has("final_sigmas_type")) {
    config.final_sigmas_type = static_cast<FinalSigma>(object.get_choice("final_sigmas_type", kFinalSigmas));
  }
  return config;
}

}  // namespace txt2img

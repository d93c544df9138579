#include "bundle/scheduler_json.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "text/json_fields.h"
#include "txt2img/format_text.h"

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

std::vector<double> get_trained_betas(const JsonObject& object, std::string_view key, int num_train_timesteps) {
  std::vector<double> betas = object.get_numbers(key, kBetaRange);
  if (std::cmp_equal(betas.size(), num_train_timesteps)) return betas;
  object.fail(key, format_text("has {} entries, must have num_train_timesteps, {}", betas.size(), num_train_timesteps));
}

// Betas of the model's own replace what describes some.
JsonField unless_trained(JsonField field, const SchedulerConfig& config) {
  if (config.beta_schedule != BetaSchedule::kTrained) return field;
  field.presence = Presence::kOptional;
  field.read = [](const JsonObject& object, std::string_view key) {
    object.fail(key, "is there beside trained_betas, which replaces it");
  };
  return field;
}

int get_below(const JsonObject& object, std::string_view key, int limit) {
  return object.get_integer(key, 0, limit - 1);
}

int get_at_most(const JsonObject& object, std::string_view key, int limit) { return object.get_integer(key, 1, limit); }

void check_levels(const JsonObject& object, const SchedulerConfig& config) {
  if (config.beta_start > config.beta_end) object.fail("beta_start", "is greater than beta_end");
  if (config.sigma_min && config.sigma_max && *config.sigma_min >= *config.sigma_max) {
    object.fail("sigma_min", "is not below sigma_max");
  }
  if (!config.is_edm()) return;
  const bool is_possible =
      config.prediction_type == PredictionType::kEpsilon || config.prediction_type == PredictionType::kVelocity;
  if (!is_possible) object.fail("sigma_data", "goes with prediction_type epsilon or v_prediction only");
}

}  // namespace

SchedulerConfig parse_scheduler(const JsonObject& object) {
  constexpr NumberRange kPositive{.max = 1e6, .is_open = true};
  constexpr NumberRange kSigma{.max = 1e5, .is_open = true};
  SchedulerConfig config;
  if (object.has("trained_betas")) config.beta_schedule = BetaSchedule::kTrained;
  const int& timesteps = config.num_train_timesteps;
  read_fields(object,
              {
                  required("num_train_timesteps", config.num_train_timesteps, 2, kTimestepsMax),
                  unless_trained(required("beta_schedule", config.beta_schedule, kBetaSchedules), config),
                  unless_trained(required("beta_start", config.beta_start, kBetaRange), config),
                  unless_trained(required("beta_end", config.beta_end, kBetaRange), config),
                  optional("trained_betas", config.trained_betas, with(get_trained_betas, timesteps)),
                  required("prediction_type", config.prediction_type, kPredictionTypes),
                  required("timestep_spacing", config.timestep_spacing, kSpacings),
                  required("steps_offset", config.steps_offset, with(get_below, timesteps)),
                  required("set_alpha_to_one", config.set_alpha_to_one),
                  optional("rescale_betas_zero_snr", config.rescale_betas_zero_snr),
                  optional("clip_sample", config.clip_sample),
                  optional("thresholding", config.thresholding),
                  optional("final_sigmas_type", config.final_sigmas_type, kFinalSigmas),
                  optional("clip_sample_range", config.clip_sample_range, kPositive),
                  optional("dynamic_thresholding_ratio", config.dynamic_thresholding_ratio, NumberRange{.max = 1}),
                  optional("sample_max_value", config.sample_max_value, NumberRange{.min = 1, .max = 1e6}),
                  optional("sigma_data", config.sigma_data, kSigma),
                  optional("sigma_min", config.sigma_min, kSigma),
                  optional("sigma_max", config.sigma_max, kSigma),
                  optional("rho", config.rho, NumberRange{.min = 0.1, .max = 100}),
                  optional("shift", config.shift, NumberRange{.min = 0.01, .max = 100}),
                  optional("original_inference_steps", config.original_inference_steps, with(get_at_most, timesteps)),
                  optional("timestep_scaling", config.timestep_scaling, kPositive),
              });
  check_levels(object, config);
  return config;
}

}  // namespace txt2img

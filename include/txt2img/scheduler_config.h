// The noise levels that a model was trained with, and how a run visits them.
#pragma once

#include <optional>
#include <vector>

namespace txt2img {

enum class BetaSchedule { kLinear, kScaledLinear, kSquaredcosCapV2, kSigmoid, kLaplace, kExp, kTrained };
enum class PredictionType { kEpsilon, kVelocity, kSample, kFlow };
enum class Spacing { kLinspace, kLeading, kTrailing };
enum class FinalSigma { kZero, kSigmaMin };

// The names of a diffusers scheduler_config.json.
struct SchedulerConfig {
  int num_train_timesteps = 1000;
  BetaSchedule beta_schedule = BetaSchedule::kScaledLinear;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::vector<double> trained_betas{};  // kTrained only: num_train_timesteps of them
  PredictionType prediction_type = PredictionType::kEpsilon;
  Spacing timestep_spacing = Spacing::kLeading;
  int steps_offset = 1;
  bool set_alpha_to_one = false;
  bool rescale_betas_zero_snr = false;
  bool clip_sample = false;
  bool thresholding = false;
  FinalSigma final_sigmas_type = FinalSigma::kZero;

  double clip_sample_range = 1;               // of clip_sample
  double dynamic_thresholding_ratio = 0.995;  // of thresholding
  double sample_max_value = 1;
  double sigma_data = 0;              // > 0: EDM preconditioning (arXiv 2206.00364) for data of this standard deviation
  std::optional<double> sigma_min{};  // ends of karras, exponential and beta schedules
  std::optional<double> sigma_max{};
  double rho = 7;
  double shift = 1;                   // flow matching: resolution shift of the noise levels
  int original_inference_steps = 50;  // lcm, tcd: steps of the grid it was distilled on
  double timestep_scaling = 10;       // lcm

  [[nodiscard]] bool is_edm() const { return sigma_data > 0; }
  [[nodiscard]] bool is_flow() const { return prediction_type == PredictionType::kFlow; }
};

}  // namespace txt2img

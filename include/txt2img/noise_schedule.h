// The noise levels a model was trained on.
#pragma once

#include <span>
#include <vector>

#include "txt2img/export.h"
#include "txt2img/scheduler_config.h"

namespace txt2img {

// x = alpha x_0 + sigma eps, scaled as the network sees it: alpha^2 + sigma^2 = 1, for EDM preconditioning
// (alpha sigma_data)^2 + sigma^2 = 1, for flow matching alpha + sigma = 1. A pair, so that alpha = 0 (zero terminal
// SNR, arXiv 2305.08891) needs no special case. `timestep` is what the network is told; it may be fractional.
struct NoiseLevel {
  double alpha = 1;
  double sigma = 0;
  double timestep = 0;

  bool operator==(const NoiseLevel&) const = default;
};

// The level whose ratio sigma/alpha is `ratio` (infinity: alpha = 0).
TXT2IMG_API NoiseLevel level_of_ratio(double ratio, double timestep);

// The same for data of standard deviation sigma_data that an EDM network sees with unit variance.
TXT2IMG_API NoiseLevel edm_level(double ratio, double sigma_data);

// Flow matching: alpha = 1 - sigma.
TXT2IMG_API NoiseLevel flow_level(double sigma, double timestep);

// The table of abar_t = prod (1 - beta), t = 0 ... T-1, rounded to float32 where the reference (diffusers) rounds.
class TXT2IMG_API NoiseSchedule {
 public:
  explicit NoiseSchedule(const SchedulerConfig& config);

  [[nodiscard]] int size() const { return static_cast<int>(alphas_cumprod_.size()); }
  [[nodiscard]] std::span<const float> alphas_cumprod() const { return alphas_cumprod_; }

  // Level at an integer timestep of the table, 0 ... T-1.
  [[nodiscard]] NoiseLevel at(int timestep) const;

  // sigma/alpha for every timestep, float32 as in the reference's sigma tables; the last is finite even at zero
  // terminal SNR, where the reference puts abar = 2^-24.
  [[nodiscard]] std::span<const float> ratios() const { return ratios_; }

  // Linear interpolation in ratios() at a fractional timestep.
  [[nodiscard]] double ratio_at(double timestep) const;

  // The same, log-linear: the inverse of timestep_of(), as in k-diffusion.
  [[nodiscard]] double log_linear_ratio_at(double timestep) const;

  // The (fractional) timestep of a ratio: log-linear interpolation in ratios().
  [[nodiscard]] double timestep_of(double ratio) const;

 private:
  [[nodiscard]] static double interpolate(const std::vector<float>& table, double timestep);

  std::vector<float> alphas_cumprod_;
  std::vector<float> ratios_;
  std::vector<float> log_ratios_;
};

}  // namespace txt2img

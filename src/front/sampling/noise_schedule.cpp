#include "txt2img/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace txt2img {
namespace {

// n points from `first` to `last`, filled from both ends in float32 with fused multiply-adds, as torch.linspace does.
std::vector<float> linspace(double first, double last, int n) {
  const auto lo = static_cast<float>(first);
  const auto hi = static_cast<float>(last);
  const float step = n > 1 ? (hi - lo) / static_cast<float>(n - 1) : 0.0F;
  std::vector<float> points(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    points[static_cast<std::size_t>(i)] = i < n / 2 || n == 1 ? std::fma(step, static_cast<float>(i), lo)
                                                              : std::fma(-step, static_cast<float>(n - 1 - i), hi);
  }
  return points;
}

// beta_i = min(1 - abar((i+1)/T) / abar(i/T), 0.999), as in arXiv 2102.09672.
template <typename Abar>
std::vector<float> betas_of(int n, Abar abar) {
  std::vector<float> betas(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const double ratio = abar(static_cast<double>(i + 1) / n) / abar(static_cast<double>(i) / n);
    betas[static_cast<std::size_t>(i)] = static_cast<float>(std::min(1 - ratio, 0.999));
  }
  return betas;
}

double cosine_abar(double u) { return std::pow(std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2), 2); }

// arXiv 2407.03297.
double laplace_abar(double u) {
  const double log_snr = -0.5 * std::copysign(1.0, 0.5 - u) * std::log(1 - 2 * std::abs(0.5 - u) + 1e-6);
  const double snr = std::exp(log_snr);
  return std::sqrt(snr / (1 + snr));
}

std::vector<float> sigmoid_betas(const SchedulerConfig& config) {
  std::vector<float> betas = linspace(-6, 6, config.num_train_timesteps);
  const auto range = static_cast<float>(config.beta_end - config.beta_start);
  for (float& beta : betas) beta = 1 / (1 + std::exp(-beta)) * range + static_cast<float>(config.beta_start);
  return betas;
}

std::vector<float> make_betas(const SchedulerConfig& config) {
  const int n = config.num_train_timesteps;
  switch (config.beta_schedule) {
    case BetaSchedule::kLinear: return linspace(config.beta_start, config.beta_end, n);
    case BetaSchedule::kScaledLinear: {
      std::vector<float> betas = linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), n);
      for (float& beta : betas) beta *= beta;
      return betas;
    }
    case BetaSchedule::kSquaredcosCapV2: return betas_of(n, cosine_abar);
    case BetaSchedule::kSigmoid: return sigmoid_betas(config);
    case BetaSchedule::kLaplace: return betas_of(n, laplace_abar);
    case BetaSchedule::kExp: return betas_of(n, [](double u) { return std::exp(-12 * u); });
    case BetaSchedule::kTrained: return {config.trained_betas.begin(), config.trained_betas.end()};
  }
  return {};
}

// Products in double, stored as float32.
std::vector<float> cumulative_products(const std::vector<float>& alphas) {
  std::vector<float> products(alphas.size());
  double product = 1;
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    product *= static_cast<double>(alphas[i]);
    products[i] = static_cast<float>(product);
  }
  return products;
}

// arXiv 2305.08891, algorithm 1: shift sqrt(abar) so that it ends at 0, scale it so that it still begins where it did.
std::vector<float> rescale_to_zero_terminal_snr(const std::vector<float>& alphas_cumprod) {
  std::vector<float> roots(alphas_cumprod.size());
  std::ranges::transform(alphas_cumprod, roots.begin(), [](float abar) { return std::sqrt(abar); });
  const float first = roots.front();
  const float last = roots.back();
  for (float& root : roots) root = (root - last) * (first / (first - last));

  std::vector<float> alphas(roots.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const float abar = roots[i] * roots[i];
    alphas[i] = i == 0 ? abar : abar / (roots[i - 1] * roots[i - 1]);
    alphas[i] = 1 - (1 - alphas[i]);  // the reference goes through beta in float32
  }
  return alphas;
}

std::vector<float> make_alphas_cumprod(const SchedulerConfig& config) {
  std::vector<float> alphas = make_betas(config);
  for (float& alpha : alphas) alpha = 1 - alpha;
  if (config.rescale_betas_zero_snr) alphas = rescale_to_zero_terminal_snr(cumulative_products(alphas));
  return cumulative_products(alphas);
}

}  // namespace

NoiseLevel level_of_ratio(double ratio, double timestep) {
  if (std::isinf(ratio)) return {.alpha = 0, .sigma = 1, .timestep = timestep};
  const double alpha = 1 / std::sqrt(ratio * ratio + 1);
  return {.alpha = alpha, .sigma = ratio * alpha, .timestep = timestep};
}

NoiseLevel edm_level(double ratio, double sigma_data) {
  const double alpha = 1 / std::sqrt(ratio * ratio + sigma_data * sigma_data);
  return {.alpha = alpha, .sigma = ratio * alpha, .timestep = 0.25 * std::log(ratio)};
}

NoiseLevel flow_level(double sigma, double timestep) {
  return {.alpha = 1 - sigma, .sigma = sigma, .timestep = timestep};
}

NoiseSchedule::NoiseSchedule(const SchedulerConfig& config) : alphas_cumprod_(make_alphas_cumprod(config)) {
  ratios_.reserve(alphas_cumprod_.size());
  for (float abar : alphas_cumprod_) {
    if (abar <= 0) abar = 0x1p-24F;
    ratios_.push_back(std::sqrt((1 - abar) / abar));
  }
  log_ratios_.resize(ratios_.size());
  std::ranges::transform(ratios_, log_ratios_.begin(), [](float ratio) { return std::log(ratio); });
}

NoiseLevel NoiseSchedule::at(int timestep) const {
  const auto abar = static_cast<double>(alphas_cumprod_.at(static_cast<std::size_t>(timestep)));
  return {.alpha = std::sqrt(abar), .sigma = std::sqrt(1 - abar), .timestep = static_cast<double>(timestep)};
}

double NoiseSchedule::interpolate(const std::vector<float>& table, double timestep) {
  const double t = std::clamp(timestep, 0.0, static_cast<double>(table.size() - 1));
  const auto low = static_cast<std::size_t>(t);
  const auto high = std::min(low + 1, table.size() - 1);
  const double weight = t - static_cast<double>(low);
  const auto at_low = static_cast<double>(table[low]);
  return at_low + weight * (static_cast<double>(table[high]) - at_low);
}

double NoiseSchedule::ratio_at(double timestep) const { return interpolate(ratios_, timestep); }

double NoiseSchedule::log_linear_ratio_at(double timestep) const {
  return std::exp(interpolate(log_ratios_, timestep));
}

double NoiseSchedule::timestep_of(double ratio) const {
  const double wanted = std::log(std::max(ratio, 1e-10));
  const auto above = std::ranges::upper_bound(log_ratios_, wanted, {}, [](float x) { return static_cast<double>(x); });
  const std::ptrdiff_t found = above - log_ratios_.begin() - 1;
  const auto low = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(found, 0, std::max(size() - 2, 0)));
  if (low + 1 >= log_ratios_.size()) return 0;
  const auto at_low = static_cast<double>(log_ratios_[low]);
  const auto at_high = static_cast<double>(log_ratios_[low + 1]);
  const double weight = std::clamp((wanted - at_low) / (at_high - at_low), 0.0, 1.0);
  return static_cast<double>(low) + weight;
}

}  // namespace txt2img

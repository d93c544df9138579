// Euler's method, with the noise that arXiv 2206.00364 churns in.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

// Algorithm 2 without its correction; without churn, Euler's method on the probability-flow ODE.
class Euler final : public Sampler {
 public:
  Euler(SamplerOptions options, const SchedulerConfig& config)
      : options_(std::move(options)), prediction_(config.prediction_type), is_edm_(config.is_edm()) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const Denoised seen = denoise(x, step.from);
    const double growth = growth_of(step);
    if (growth == 0) return step.to.alpha * seen.x0 + step.to.sigma * seen.eps;

    NoiseLevel raised = step.from;
    raised.sigma *= 1 + growth;
    const double added = options_.s_noise * std::sqrt(raised.sigma * raised.sigma - step.from.sigma * step.from.sigma);
    const at::Tensor noisier = x + added * noise();
    const at::Tensor x0 = x0_at(noisier, raised, x, step.from, seen);
    const at::Tensor eps = (noisier - raised.alpha * x0) / raised.sigma;
    return step.to.alpha * x0 + step.to.sigma * eps;
  }

 private:
  [[nodiscard]] double growth_of(const Step& step) const {
    const double s = ratio(step.from);
    if (s < options_.s_tmin || s > options_.s_tmax) return 0;
    return std::min(options_.s_churn / step.count, std::numbers::sqrt2 - 1);
  }

  // The reference asks the network before it adds the noise. What its output means for the noisier x is a matter of
  // the prediction; with EDM preconditioning (table 1 of the paper) it is scaled for the raised level.
  [[nodiscard]] at::Tensor x0_at(const at::Tensor& noisier, const NoiseLevel& raised, const at::Tensor& x,
                                 const NoiseLevel& level, const Denoised& seen) const {
    if (is_edm_) {
      const double variance = (1 - level.sigma * level.sigma) / (level.alpha * level.alpha);
      const auto skip = [variance](double s) { return variance / (s * s + variance); };
      const double s = ratio(level);
      const double s_raised = ratio(raised);
      const double out = s_raised / s * std::sqrt(skip(s_raised) / skip(s));
      return skip(s_raised) / raised.alpha * noisier + out * (seen.x0 - skip(s) / level.alpha * x);
    }
    switch (prediction_) {
      case PredictionType::kEpsilon: return (noisier - raised.sigma * seen.eps) / raised.alpha;
      case PredictionType::kVelocity: return seen.x0 + level.alpha * (noisier - x);
      case PredictionType::kSample:
      case PredictionType::kFlow: return seen.x0;
    }
    return seen.x0;
  }

  SamplerOptions options_;
  PredictionType prediction_;
  bool is_edm_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kEuler>(const Recipe& recipe) {
  return std::make_unique<Euler>(recipe.options, recipe.config);
}

template <>
SamplerPtr make<SamplerKind::kEdmEuler>(const Recipe& recipe) {
  return std::make_unique<Euler>(recipe.options, recipe.config);
}

}  // namespace txt2img

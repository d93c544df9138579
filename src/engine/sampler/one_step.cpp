// Samplers that look at one noise level and jump to the next.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

double squared(double x) { return x * x; }

// Denoising diffusion probabilistic models, arXiv 2006.11239: mean of equation 7, variance of section 3.2.
class Ddpm final : public Sampler {
 public:
  explicit Ddpm(bool is_large) : is_large_(is_large) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const at::Tensor x0 = denoise(x, step.from).x0;
    const auto [alpha, sigma, t] = step.to;
    const double r = decay(step.from, step.to);
    const double of_x = step.from.alpha / alpha * squared(sigma / step.from.sigma);
    const at::Tensor mean = (alpha * (1 - r * r)) * x0 + of_x * x;
    return step.from.timestep > 0 ? mean + deviation(step) * noise() : mean;
  }

 private:
  [[nodiscard]] double deviation(const Step& step) const {
    constexpr double kLeast = 1e-20;
    if (is_large_) return std::sqrt(1 - squared(step.from.alpha / step.to.alpha));
    return std::sqrt(std::max(squared(step.to.sigma) * (1 - squared(decay(step.from, step.to))), kLeast));
  }

  bool is_large_;
};

// Denoising diffusion implicit models, arXiv 2010.02502, equation 12.
class Ddim final : public Sampler {
 public:
  explicit Ddim(double eta) : eta_(eta) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const auto [x0, eps] = denoise(x, step.from);
    const auto [alpha, sigma, t] = step.to;
    if (eta_ == 0) return alpha * x0 + sigma * eps;
    const double deviation = eta_ * sigma / step.from.sigma * std::sqrt(1 - squared(step.from.alpha / alpha));
    const double direction = std::sqrt(std::max(squared(sigma) - squared(deviation), 0.0));
    return alpha * x0 + direction * eps + deviation * noise();
  }

 private:
  double eta_;
};

// Ancestral sampling: an Euler step to a lower level, then noise back up to the wanted one.
class EulerAncestral final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const auto [x0, eps] = denoise(x, step.from);
    const double r = decay(step.from, step.to);
    return step.to.alpha * x0 + (step.to.sigma * r) * eps + ancestral_noise(step.to, r) * noise();
  }
};

// Latent consistency models, arXiv 2310.04378: x_0 with the boundary condition of arXiv 2303.01469, then new noise.
class Lcm final : public Sampler {
 public:
  explicit Lcm(double timestep_scaling) : timestep_scaling_(timestep_scaling) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    constexpr double kSigmaData = 0.5;
    const double t = step.from.timestep * timestep_scaling_;
    const double skip = squared(kSigmaData) / (squared(t) + squared(kSigmaData));
    const double out = t / std::hypot(t, kSigmaData);
    const at::Tensor x0 = out * denoise(x, step.from).x0 + skip * x;
    return step.is_last() ? x0 : step.to.alpha * x0 + step.to.sigma * noise();
  }

 private:
  double timestep_scaling_;
};

// Trajectory consistency distillation, arXiv 2402.19159, algorithm 4: to the level of mid, then noise up to the next.
class Tcd final : public Sampler {
 public:
  explicit Tcd(double gamma) : gamma_(gamma) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const auto [x0, eps] = denoise(x, step.from);
    at::Tensor jumped = step.mid.alpha * x0 + step.mid.sigma * eps;
    if (gamma_ == 0 || step.is_last()) return jumped;
    const double kept = step.to.alpha / step.mid.alpha;
    return kept * jumped + std::sqrt(std::max(1 - squared(kept), 0.0)) * noise();
  }

 private:
  double gamma_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kDdpm>(const Recipe& recipe) {
  return std::make_unique<Ddpm>(recipe.options.solver_type == SolverType::kFixedLarge);
}

template <>
SamplerPtr make<SamplerKind::kDdim>(const Recipe& recipe) {
  return std::make_unique<Ddim>(recipe.options.eta);
}

template <>
SamplerPtr make<SamplerKind::kEulerAncestral>(const Recipe& /*recipe*/) {
  return std::make_unique<EulerAncestral>();
}

template <>
SamplerPtr make<SamplerKind::kLcm>(const Recipe& recipe) {
  return std::make_unique<Lcm>(recipe.config.timestep_scaling);
}

template <>
SamplerPtr make<SamplerKind::kTcd>(const Recipe& recipe) {
  return std::make_unique<Tcd>(recipe.options.eta);
}

}  // namespace txt2img

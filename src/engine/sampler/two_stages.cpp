// Samplers that ask the denoiser twice in each step.
#include <ATen/TensorOperators.h>

#include <cmath>

#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

at::Tensor euler_step(const Denoised& seen, const NoiseLevel& to) { return to.alpha * seen.x0 + to.sigma * seen.eps; }

// x after following the slope eps of dx/ds (x in units of sigma) from one ratio s to another.
at::Tensor follow(const at::Tensor& x, const at::Tensor& eps, const Step& step, double to_ratio) {
  const double scale = step.to.alpha;
  return (scale / step.from.alpha) * x + (scale * (to_ratio - ratio(step.from))) * eps;
}

// Heun's method, arXiv 2206.00364, algorithm 1; for flow matching on dx/dsigma = eps - x_0.
class Heun final : public Sampler {
 public:
  explicit Heun(bool is_flow) : is_flow_(is_flow) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    const Denoised first = denoise(x, step.from);
    at::Tensor guess = euler_step(first, step.to);
    if (step.to.sigma == 0) return guess;
    const Denoised second = denoise(guess, step.to);
    if (!is_flow_) return follow(x, (first.eps + second.eps) / 2, step, ratio(step.to));
    const at::Tensor slope = ((first.eps - first.x0) + (second.eps - second.x0)) / 2;
    return x + (step.to.sigma - step.from.sigma) * slope;
  }

 private:
  bool is_flow_;
};

// DPM-Solver-2 with r_1 = 1/2, arXiv 2206.00927, algorithm 1, in the form of k-diffusion: the slope half-way in log
// sigma.
class Dpm2 final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    at::Tensor guess = euler_step(denoise(x, step.from), step.mid);
    if (step.to.sigma == 0) return guess;
    return follow(x, denoise(guess, step.mid).eps, step, ratio(step.to));
  }
};

// The same to a lower level, then noise back up to the wanted one.
class Dpm2Ancestral final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    at::Tensor guess = euler_step(denoise(x, step.from), step.mid);
    if (step.to.sigma == 0) return guess;
    const double r = decay(step.from, step.to);
    const at::Tensor mean = follow(x, denoise(guess, step.mid).eps, step, ratio(step.to) * r);
    return mean + ancestral_noise(step.to, r) * noise();
  }
};

// Stochastic DPM-Solver++ of two stages as in k-diffusion (sample_dpmpp_sde, r = 1/2). The reference takes the noise of
// both stages from one Brownian path over sigma, here drawn in two increments; its own tree of random numbers, made
// from another generator, is not reproduced.
class DpmppSde final : public Sampler {
 public:
  explicit DpmppSde(double s_noise) : s_noise_(s_noise) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const Denoised first = denoise(x, step.from);
    if (step.to.sigma == 0) return euler_step(first, step.to);
    const at::Tensor early = noise();
    const at::Tensor guess = ancestral_step(x, first.x0, early, step.from, step.mid);
    const at::Tensor x0 = denoise(guess, step.mid).x0;
    const double before = ratio(step.from) - ratio(step.mid);
    const double after = ratio(step.mid) - ratio(step.to);
    const at::Tensor whole = (std::sqrt(before) * early + std::sqrt(after) * noise()) / std::sqrt(before + after);
    return ancestral_step(x, x0, whole, step.from, step.to);
  }

 private:
  [[nodiscard]] at::Tensor ancestral_step(const at::Tensor& x, const at::Tensor& x0, const at::Tensor& noise,
                                          const NoiseLevel& from, const NoiseLevel& to) const {
    const double r = decay(from, to);  // the lower level is r times the wanted one
    const double up = s_noise_ * ancestral_noise(to, r);
    return (to.alpha / from.alpha * r * r) * x + (to.alpha * (1 - r * r)) * x0 + up * noise;
  }

  double s_noise_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kHeun>(const Recipe& recipe) {
  return std::make_unique<Heun>(recipe.config.is_flow());
}

template <>
SamplerPtr make<SamplerKind::kDpm2>(const Recipe& /*recipe*/) {
  return std::make_unique<Dpm2>();
}

template <>
SamplerPtr make<SamplerKind::kDpm2Ancestral>(const Recipe& /*recipe*/) {
  return std::make_unique<Dpm2Ancestral>();
}

template <>
SamplerPtr make<SamplerKind::kDpmppSde>(const Recipe& recipe) {
  return std::make_unique<DpmppSde>(recipe.options.s_noise);
}

}  // namespace txt2img

#include "txt2img/sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "txt2img/error.h"

namespace txt2img {

Sampler::~Sampler() = default;

namespace {

// exp(-h) of a step, h = lambda(to) - lambda(from), lambda = log(alpha / sigma). 0 from alpha = 0 or to sigma = 0.
double ratio_of(const Step& step) { return (step.to.sigma * step.from.alpha) / (step.to.alpha * step.from.sigma); }

// Denoising diffusion implicit models, arXiv 2010.02502, equation 12.
class Ddim final : public Sampler {
 public:
  explicit Ddim(double eta) : eta_(eta) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const auto [x0, eps] = denoise(x, step.from);
    const auto [alpha, sigma, t] = step.to;
    if (eta_ == 0) return alpha * x0 + sigma * eps;

    const double decay = step.from.alpha / alpha;
    const double deviation = eta_ * sigma / step.from.sigma * std::sqrt(1 - decay * decay);
    const double direction = std::sqrt(std::max(sigma * sigma - deviation * deviation, 0.0));
    return alpha * x0 + direction * eps + deviation * noise();
  }

 private:
  double eta_;
};

// Euler's method on the probability-flow ODE, arXiv 2206.00364, algorithm 1 without its correction.
class Euler final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    const auto [x0, eps] = denoise(x, step.from);
    return step.to.alpha * x0 + step.to.sigma * eps;
  }
};

// Ancestral sampling: an Euler step to a lower level, then noise back up to the wanted one (k-diffusion's
// get_ancestral_step with eta = 1; in ratios s: s_down = s'^2 / s, s_up^2 = s'^2 - s_down^2).
class EulerAncestral final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    const auto [x0, eps] = denoise(x, step.from);
    const double r = ratio_of(step);
    const double down = step.to.sigma * r;
    const double up = step.to.sigma * std::sqrt(std::max(1 - r * r, 0.0));
    return step.to.alpha * x0 + down * eps + up * noise();
  }
};

// DPM-Solver++(2M), arXiv 2211.01095, algorithm 2; first order at the start and, as in the reference, at the end of
// runs under 15 steps and where the noise ends at zero.
class Dpmpp2m final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    constexpr int kShortRun = 15;
    const at::Tensor x0 = denoise(x, step.from).x0;
    const double r = ratio_of(step);
    const double h = -std::log(r);
    const bool is_first_order = !last_x0_ || (step.is_last() && (step.count < kShortRun || step.to.sigma == 0));
    const at::Tensor d = is_first_order ? x0 : x0 + (h / last_h_ / 2) * (x0 - *last_x0_);
    last_x0_ = x0;
    last_h_ = h;
    return (step.to.sigma / step.from.sigma) * x + (step.to.alpha * (1 - r)) * d;
  }

 private:
  std::optional<at::Tensor> last_x0_;
  double last_h_ = std::numeric_limits<double>::infinity();
};

void check_finite(const at::Tensor& x, const Step& step) {
  if (at::isfinite(x).all().item<bool>()) return;
  throw Error(ExitCode::kInternal, "the latent holds NaN or Inf after step " + std::to_string(step.index + 1) + " of " +
                                       std::to_string(step.count) +
                                       "; try --dtype float32, a lower --guidance or another --sampler");
}

}  // namespace

std::unique_ptr<Sampler> make_sampler(SamplerKind kind, const SamplerOptions& options) {
  switch (kind) {
    case SamplerKind::kDdim: return std::make_unique<Ddim>(options.eta);
    case SamplerKind::kEuler: return std::make_unique<Euler>();
    case SamplerKind::kEulerAncestral: return std::make_unique<EulerAncestral>();
    case SamplerKind::kDpmpp2m: return std::make_unique<Dpmpp2m>();
  }
  throw Error(ExitCode::kInternal, "sampler without a class");
}

at::Tensor run_sampler(Sampler& sampler, const Trajectory& trajectory, const at::Tensor& initial_noise,
                       const Denoise& denoise, const NoiseSource& noise, const KeepGoing& keep_going) {
  at::Tensor x = trajectory.init_scale * initial_noise;
  const auto check_going = [&](int done) {
    if (!keep_going(done)) throw Error(ExitCode::kInterrupted, "stopped after step " + std::to_string(done));
  };
  check_going(0);
  for (const Step& step : trajectory.steps) {
    x = sampler.step(x, step, denoise, noise);
    check_finite(x, step);
    check_going(step.index + 1);
  }
  return x;
}

}  // namespace txt2img

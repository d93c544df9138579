// DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095), for the ODE and the SDE.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "sampler/history.h"
#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

enum class Noise { kNone, kEachStep };

// A step is of_x x + of_value D0 + of_slope D1 + of_curvature D2 + of_noise z, where D0, D1, D2 are what is
// extrapolated (x_0, or eps) and its divided differences in units of the step h = lambda(to) - lambda(from).
struct Weights {
  double of_x = 0;
  double of_value = 0;
  double of_slope_midpoint = 0;
  double of_slope = 0;
  double of_curvature = 0;
  double of_noise = 0;
};

// Both appendices give these as integrals of exp(lambda); r = exp(-h).
Weights data_weights(const NoiseLevel& from, const NoiseLevel& to) {
  const double r = decay(from, to);
  const double h = -std::log(r);
  return {.of_x = to.sigma / from.sigma,
          .of_value = to.alpha * (1 - r),
          .of_slope_midpoint = to.alpha * (1 - r) / 2,
          .of_slope = to.alpha * ((r - 1) / h + 1),
          .of_curvature = -to.alpha * ((r - 1 + h) / (h * h) - 0.5)};
}

Weights data_sde_weights(const NoiseLevel& from, const NoiseLevel& to) {
  const double r = decay(from, to);
  const double h = -std::log(r);
  const double rest = 1 - r * r;
  return {.of_x = to.sigma / from.sigma * r,
          .of_value = to.alpha * rest,
          .of_slope_midpoint = to.alpha * rest / 2,
          .of_slope = to.alpha * (rest / (-2 * h) + 1),
          .of_curvature = to.alpha * ((rest - 2 * h) / (4 * h * h) - 0.5),
          .of_noise = to.sigma * std::sqrt(rest)};
}

Weights noise_weights(const NoiseLevel& from, const NoiseLevel& to) {
  const double r = decay(from, to);
  const double h = -std::log(r);
  const double growth = 1 / r - 1;  // exp(h) - 1
  return {.of_x = to.alpha / from.alpha,
          .of_value = -to.sigma * growth,
          .of_slope_midpoint = -to.sigma * growth / 2,
          .of_slope = -to.sigma * (growth / h - 1),
          .of_curvature = -to.sigma * ((growth - h) / (h * h) - 0.5)};
}

Weights noise_sde_weights(const NoiseLevel& from, const NoiseLevel& to) {
  const double r = decay(from, to);
  const Weights ode = noise_weights(from, to);
  return {.of_x = ode.of_x,
          .of_value = 2 * ode.of_value,
          .of_slope_midpoint = 2 * ode.of_slope_midpoint,
          .of_slope = 2 * ode.of_slope,
          .of_noise = to.sigma * std::sqrt(1 / (r * r) - 1)};
}

constexpr int kShortRun = 15;

// What both ways of making steps share.
class DpmSolver : public Sampler {
 protected:
  DpmSolver(SamplerOptions options, Noise noise) : options_(std::move(options)), noise_(noise) {}

  [[nodiscard]] at::Tensor output(const at::Tensor& x, const NoiseLevel& level, const Denoise& denoise) const {
    Denoised seen = denoise(x, level);
    return predicts_x0() ? std::move(seen.x0) : std::move(seen.eps);
  }

  [[nodiscard]] Weights weights(const NoiseLevel& from, const NoiseLevel& to) const {
    if (noise_ == Noise::kNone) return predicts_x0() ? data_weights(from, to) : noise_weights(from, to);
    return predicts_x0() ? data_sde_weights(from, to) : noise_sde_weights(from, to);
  }

  [[nodiscard]] bool is_heun() const { return options_.solver_type == SolverType::kHeun; }
  [[nodiscard]] const SamplerOptions& options() const { return options_; }
  [[nodiscard]] int order() const { return options_.solver_order; }
  [[nodiscard]] bool is_noisy() const { return noise_ != Noise::kNone; }

 private:
  [[nodiscard]] bool predicts_x0() const { return options_.solver_prediction == SolverPrediction::kX0; }

  SamplerOptions options_;
  Noise noise_;
};

// Algorithm 2 of arXiv 2211.01095 and its third-order sibling: differences to the last outputs.
class DpmMultistep final : public DpmSolver {
 public:
  DpmMultistep(const SamplerOptions& options, Noise noise) : DpmSolver(options, noise) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    history_.push(output(x, step.from, denoise), step.from);
    const Weights w = weights(step.from, step.to);
    at::Tensor next = w.of_x * x + w.of_value * history_[0].output;
    if (is_noisy()) next = next + w.of_noise * noise();
    switch (order_of(step)) {
      case 1: return next;
      case 2: return next + (is_heun() ? w.of_slope : w.of_slope_midpoint) * difference(step, 0);
      default: return next + third_order(step, w);
    }
  }

 private:
  [[nodiscard]] int order_of(const Step& step) const {
    const bool lowers = options().lower_order_final && step.count < kShortRun;
    if (step.is_last() && (options().euler_at_final || step.to.sigma == 0)) return 1;
    if (decay(step.from, step.to) == 1) return 1;  // a step of no length, where some schedules end at sigma_min
    return std::min({order(), history_.size(), lowers ? step.count - step.index : order()});
  }

  // (m_age - m_(age+1)) / r_age, r_age = (their distance in lambda) / h.
  [[nodiscard]] at::Tensor difference(const Step& step, int age) const {
    return (history_[age].output - history_[age + 1].output) / relative_step(step, age);
  }

  [[nodiscard]] double relative_step(const Step& step, int age) const {
    const double h = log_snr(step.to) - log_snr(step.from);
    return (log_snr(history_[age].level) - log_snr(history_[age + 1].level)) / h;
  }

  [[nodiscard]] at::Tensor third_order(const Step& step, const Weights& w) const {
    const double r0 = relative_step(step, 0);
    const double r1 = relative_step(step, 1);
    const at::Tensor near = difference(step, 0);
    const at::Tensor change = near - difference(step, 1);
    return w.of_slope * (near + r0 / (r0 + r1) * change) + (w.of_curvature / (r0 + r1)) * change;
  }

  History history_{3};
};

// Singlestep solvers of arXiv 2211.01095: groups of `order` steps, each begun anew with first order. Steps in a group
// start from its first latent.
class DpmSinglestep final : public DpmSolver {
 public:
  explicit DpmSinglestep(const SamplerOptions& options) : DpmSolver(options, Noise::kNone) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    history_.push(output(x, step.from, denoise), step.from);
    const int stage = stage_of(step);
    if (stage == 1) start_ = x;
    const History::Entry& first = history_[stage - 1];
    const Weights w = weights(first.level, step.to);
    at::Tensor next = w.of_x * start_ + w.of_value * first.output;
    if (stage == 1) return next;
    if (stage == 2) return next + (is_heun() ? w.of_slope : w.of_slope_midpoint) * slope(step, stage, 0);
    if (!is_heun()) return next + w.of_slope * slope(step, stage, 0);
    return next + third_order(step, w);
  }

 private:
  // 1 2 1 2 ... or 1 2 3 1 2 3 ..., but first order where a run ends.
  [[nodiscard]] int stage_of(const Step& step) const {
    const bool lowers = options().lower_order_final && step.count % order() == 0;
    if (step.is_last() && (lowers || step.to.sigma == 0)) return 1;
    if (decay(step.from, step.to) == 1) return 1;
    // A run that starts within a group has not seen its first latents.
    return std::min(step.index % order() + 1, history_.size());
  }

  // Place of an output in its group, in units of the group's h.
  [[nodiscard]] double place(const Step& step, int stage, int age) const {
    const double start = log_snr(history_[stage - 1].level);
    return (log_snr(history_[age].level) - start) / (log_snr(step.to) - start);
  }

  [[nodiscard]] at::Tensor slope(const Step& step, int stage, int age) const {
    return (history_[age].output - history_[stage - 1].output) / place(step, stage, age);
  }

  [[nodiscard]] at::Tensor third_order(const Step& step, const Weights& w) const {
    const double r0 = place(step, 3, 0);
    const double r1 = place(step, 3, 1);
    const at::Tensor near = slope(step, 3, 1);
    const at::Tensor far = slope(step, 3, 0);
    return (w.of_slope / (r0 - r1)) * (r0 * near - r1 * far) + (2 * w.of_curvature / (r0 - r1)) * (far - near);
  }

  at::Tensor start_;
  History history_{3};
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kDpmpp2m>(const Recipe& recipe) {
  return std::make_unique<DpmMultistep>(recipe.options, Noise::kNone);
}

template <>
SamplerPtr make<SamplerKind::kDpmpp2mSde>(const Recipe& recipe) {
  return std::make_unique<DpmMultistep>(recipe.options, Noise::kEachStep);
}

template <>
SamplerPtr make<SamplerKind::kDpmpp3m>(const Recipe& recipe) {
  return std::make_unique<DpmMultistep>(recipe.options, Noise::kNone);
}

template <>
SamplerPtr make<SamplerKind::kEdmDpmpp2m>(const Recipe& recipe) {
  return std::make_unique<DpmMultistep>(recipe.options, Noise::kNone);
}

template <>
SamplerPtr make<SamplerKind::kDpmpp2s>(const Recipe& recipe) {
  return std::make_unique<DpmSinglestep>(recipe.options);
}

}  // namespace txt2img

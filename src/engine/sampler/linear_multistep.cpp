// Samplers that combine the last slopes with the weights of linear multistep methods.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <numbers>
#include <span>
#include <vector>

#include "sampler/history.h"
#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

constexpr int kOrderMax = 4;

// --- on the slopes dx/ds, x in units of sigma -----------------------------------------------------

// The integral of a Lagrange polynomial from `from` to `to`, exact for four nodes: Gauss and Legendre's rule of two
// points.
double integrated_lagrange(std::span<const double> nodes, std::size_t k, double from, double to) {
  const double middle = (from + to) / 2;
  const double reach = (to - from) / 2 / std::numbers::sqrt3;
  return (to - from) / 2 * (lagrange(nodes, k, middle - reach) + lagrange(nodes, k, middle + reach));
}

// Linear multistep method in sigma, as in k-diffusion.
class Lms final : public Sampler {
 public:
  explicit Lms(int order) : history_(order) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    history_.push(denoise(x, step.from).eps, step.from);
    std::vector<double> nodes;
    for (int k = 0; k < history_.size(); ++k) nodes.push_back(ratio(history_[k].level));
    at::Tensor next = x / step.from.alpha;
    for (int k = 0; k < history_.size(); ++k) {
      const auto node = static_cast<std::size_t>(k);
      next = next + integrated_lagrange(nodes, node, ratio(step.from), ratio(step.to)) * history_[k].output;
    }
    return step.to.alpha * next;
  }

 private:
  History history_;
};

// --- Adams and Bashforth's weights on slopes that are taken for evenly spaced ---------------------

at::Tensor adams_bashforth(const History& slopes) {
  constexpr std::array<std::array<double, kOrderMax>, kOrderMax> kWeights{
      {{1, 0, 0, 0},
       {3.0 / 2, -1.0 / 2, 0, 0},
       {23.0 / 12, -16.0 / 12, 5.0 / 12, 0},
       {55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24}}};
  const auto& weights = kWeights[static_cast<std::size_t>(slopes.size() - 1)];
  at::Tensor sum = weights[0] * slopes[0].output;
  for (int k = 1; k < slopes.size(); ++k) sum = sum + weights[static_cast<std::size_t>(k)] * slopes[k].output;
  return sum;
}

// Equation 11 of arXiv 2202.09778: the step of DDIM, for whatever eps. At alpha = 0, where eps is all there is, the
// reference divides by this little, too.
at::Tensor transfer(const at::Tensor& x, const at::Tensor& eps, const NoiseLevel& from, const NoiseLevel& to) {
  constexpr double kLeast = 1e-8;
  return (to.alpha / std::max(from.alpha, kLeast)) * (x - from.sigma * eps) + to.sigma * eps;
}

// Pseudo numerical methods, arXiv 2202.09778: PLMS, warmed up by a step of Heun's kind or three of Runge and Kutta's
// kind. Each step of the trajectory is one call; the slopes are the network's own output, v where it predicts v.
class Pndm final : public Sampler {
 public:
  Pndm(bool has_prk, PredictionType prediction) : calls_of_prk_(has_prk ? 12 : 0), prediction_(prediction) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    const at::Tensor output = raw_output(denoise(x, step.from), step.from);
    if (starts_in_the_middle(step)) return warmed_up(x, output, step, denoise);
    const at::Tensor slope = step.index < calls_of_prk_ ? prk_slope(x, output, step) : plms_slope(x, output, step);
    const bool starts_anew = step.index < calls_of_prk_ || (calls_of_prk_ == 0 && step.index == 1);
    const at::Tensor& start = starts_anew ? start_ : x;
    return transfer(start, eps_of(slope, start, step.from), step.from, step.to);
  }

 private:
  [[nodiscard]] at::Tensor raw_output(const Denoised& seen, const NoiseLevel& level) const {
    if (prediction_ == PredictionType::kVelocity) return level.alpha * seen.eps - level.sigma * seen.x0;
    return seen.eps;
  }

  [[nodiscard]] at::Tensor eps_of(const at::Tensor& slope, const at::Tensor& x, const NoiseLevel& level) const {
    if (prediction_ == PredictionType::kVelocity) return level.alpha * slope + level.sigma * x;
    return slope;
  }

  // Where the trajectory has no further call for the warm-up of PLMS.
  [[nodiscard]] bool starts_in_the_middle(const Step& step) const {
    return slopes_.size() == 0 && step.index > 0 && step.index >= calls_of_prk_;
  }

  at::Tensor warmed_up(const at::Tensor& x, const at::Tensor& output, const Step& step, const Denoise& denoise) {
    slopes_.push(output, step.from);
    at::Tensor guess = transfer(x, eps_of(output, x, step.from), step.from, step.to);
    if (step.is_last()) return guess;
    const at::Tensor slope = (output + raw_output(denoise(guess, step.to), step.to)) / 2;
    return transfer(x, eps_of(slope, x, step.from), step.from, step.to);
  }

  at::Tensor prk_slope(const at::Tensor& x, const at::Tensor& output, const Step& step) {
    constexpr std::array kWeights{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    const auto stage = static_cast<std::size_t>(step.index % 4);
    sum_ = stage == 0 ? kWeights[0] * output : sum_ + kWeights[stage] * output;
    if (stage == 0) {
      start_ = x;
      slopes_.push(output, step.from);
    }
    return stage == 3 ? sum_ : output;
  }

  at::Tensor plms_slope(const at::Tensor& x, const at::Tensor& output, const Step& step) {
    if (calls_of_prk_ == 0 && step.index == 1) return (output + slopes_[0].output) / 2;
    if (step.index == 0) start_ = x;
    slopes_.push(output, step.from);
    return adams_bashforth(slopes_);
  }

  int calls_of_prk_;
  PredictionType prediction_;
  History slopes_{kOrderMax};
  at::Tensor start_;
  at::Tensor sum_;
};

// Improved PNDM, arXiv 2202.09778 without a warm-up, on eps.
class Ipndm final : public Sampler {
 public:
  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    slopes_.push(denoise(x, step.from).eps, step.from);
    return transfer(x, adams_bashforth(slopes_), step.from, step.to);
  }

 private:
  History slopes_{kOrderMax};
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kLms>(const Recipe& recipe) {
  return std::make_unique<Lms>(recipe.options.solver_order);
}

template <>
SamplerPtr make<SamplerKind::kPndm>(const Recipe& recipe) {
  return std::make_unique<Pndm>(recipe.options.solver_type == SolverType::kPrk, recipe.config.prediction_type);
}

template <>
SamplerPtr make<SamplerKind::kIpndm>(const Recipe& /*recipe*/) {
  return std::make_unique<Ipndm>();
}

}  // namespace txt2img

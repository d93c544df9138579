// SA-Solver, arXiv 2309.05019: stochastic Adams-Bashforth predictor and Adams-Moulton corrector.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "sampler/history.h"
#include "sampler/maker.h"
#include "sampler/step_math.h"
#include "txt2img/exact_integer.h"

namespace txt2img {
namespace {

// A step from one level to another with the noise of strength tau, arXiv 2309.05019 equation 14 and 17.
class Interval {
 public:
  Interval(const NoiseLevel& from, const NoiseLevel& to, double tau, bool predicts_x0)
      : from_(from), to_(to), tau2_(tau * tau), predicts_x0_(predicts_x0), h_(log_snr(to) - log_snr(from)) {}

  [[nodiscard]] double h() const { return h_; }
  [[nodiscard]] double of_x() const {
    return predicts_x0_ ? std::pow(decay(from_, to_), tau2_) * to_.sigma / from_.sigma : to_.alpha / from_.alpha;
  }
  [[nodiscard]] double of_noise() const {
    return predicts_x0_ ? to_.sigma * std::sqrt(1 - std::pow(decay(from_, to_), 2 * tau2_))
                        : std::sqrt(tau2_) * to_.sigma * std::sqrt(std::expm1(2 * h_));
  }

  // Weights of the outputs at these lambdas: integrals of their Lagrange polynomials with the exponential weight.
  [[nodiscard]] std::vector<double> weights(const std::vector<double>& nodes) const {
    std::vector<double> result;
    for (std::size_t k = 0; k < nodes.size(); ++k) result.push_back(integrate(nodes, k));
    return result;
  }

  // What the authors add to the first weight and take from the second where there are two (section 5 of the paper,
  // data prediction): makes the second order exact in h. `width` is the distance of the nodes, `power` 2 or 1.
  [[nodiscard]] double correction(double width, int power) const {
    const double k = 1 + tau2_;
    const double rest = (k * h_ - 1 + std::exp(-k * h_)) / (k * k);
    return k * to_.alpha * (power == 2 ? (h_ * h_ / 2 - rest) / width : h_ / 2 - rest / h_);
  }

 private:
  // The weight at distance d before the end, times what does not depend on it.
  [[nodiscard]] double kernel(double d) const {
    const double k = 1 + tau2_;
    return predicts_x0_ ? k * to_.alpha * std::exp(-k * d) : -k * to_.sigma * std::exp(d);
  }

  [[nodiscard]] double integrate(const std::vector<double>& nodes, std::size_t k) const {
    if (nodes.size() == 1) return whole();
    // Gauss and Legendre's rule of five points on pieces short enough for the exponential.
    constexpr int kPiecesMax = 1000;  // of a step that ends without noise, infinitely far away
    constexpr std::array kPlaces{0.0, 0.5384693101056831, -0.5384693101056831, 0.9061798459386640, -0.9061798459386640};
    constexpr std::array kWeights{0.5688888888888889, 0.4786286704993665, 0.4786286704993665, 0.2369268850561891,
                                  0.2369268850561891};
    const int pieces = exact_integer<int>(std::ceil(std::abs(h_) * 2)).value_or(kPiecesMax) + 1;
    const double half = h_ / pieces / 2;
    double sum = 0;
    for (int piece = 0; piece < pieces; ++piece) {
      for (std::size_t i = 0; i < kPlaces.size(); ++i) {
        const double d = (2 * piece + 1 + kPlaces[i]) * half;
        sum += kWeights[i] * half * kernel(d) * lagrange(nodes, k, log_snr(to_) - d);
      }
    }
    return sum;
  }

  [[nodiscard]] double whole() const {
    const double k = 1 + tau2_;
    return predicts_x0_ ? to_.alpha * -std::expm1(-k * h_) : -k * to_.sigma * std::expm1(h_);
  }

  NoiseLevel from_;
  NoiseLevel to_;
  double tau2_;
  bool predicts_x0_;
  double h_;
};

class SaSolver final : public Sampler {
 public:
  SaSolver(const SamplerOptions& options, const SchedulerConfig& config)
      : order_(options.solver_order),
        predicts_x0_(options.solver_prediction == SolverPrediction::kX0),
        lowers_order_(options.lower_order_final),
        train_steps_(config.num_train_timesteps) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    Denoised seen = denoise(x, step.from);
    at::Tensor output = predicts_x0_ ? std::move(seen.x0) : std::move(seen.eps);
    const at::Tensor start = history_.size() > 0 ? corrected(output, step) : x;
    history_.push(std::move(output), step.from);
    last_x_ = start;
    last_noise_ = noise();
    return predicted(step);
  }

 private:
  // The reference's: noise in the middle of training's time only.
  [[nodiscard]] double tau(const NoiseLevel& level) const {
    const double t = level.timestep / train_steps_;
    return t >= 0.2 && t <= 0.8 ? 1 : 0;
  }

  [[nodiscard]] int lowered(int order, int rest) const { return lowers_order_ ? std::min(order, rest) : order; }

  [[nodiscard]] at::Tensor predicted(const Step& step) const {
    const int order = std::min(lowered(order_, step.count - step.index), history_.size());
    const Interval interval(step.from, step.to, tau(step.from), predicts_x0_);
    std::vector<double> nodes;
    for (int k = 0; k < order; ++k) nodes.push_back(log_snr(history_[k].level));
    std::vector<double> weights = interval.weights(nodes);
    if (order == 2 && predicts_x0_) adjust(weights, interval.correction(nodes[0] - nodes[1], 2));
    at::Tensor next = interval.of_x() * last_x_ + interval.of_noise() * last_noise_;
    for (int k = 0; k < order; ++k) next = next + weights[static_cast<std::size_t>(k)] * history_[k].output;
    return next;
  }

  // The step that led to this one, again, with the output that is now known at its end.
  [[nodiscard]] at::Tensor corrected(const at::Tensor& output, const Step& step) const {
    const int rest = step.count - step.index + 2;  // as the reference counts it, from the step before
    const int order = std::min(lowered(order_, rest), history_.size() + 1);
    const NoiseLevel& from = history_[0].level;
    const Interval interval(from, step.from, tau(from), predicts_x0_);
    std::vector<double> nodes{log_snr(step.from)};
    for (int k = 1; k < order; ++k) nodes.push_back(log_snr(history_[k - 1].level));
    std::vector<double> weights = interval.weights(nodes);
    if (order == 2 && predicts_x0_) adjust(weights, interval.correction(interval.h(), 1));
    at::Tensor next = interval.of_x() * last_x_ + interval.of_noise() * last_noise_ + weights[0] * output;
    for (int k = 1; k < order; ++k) next = next + weights[static_cast<std::size_t>(k)] * history_[k - 1].output;
    return next;
  }

  static void adjust(std::vector<double>& weights, double correction) {
    weights[0] += correction;
    weights[1] -= correction;
  }

  int order_;
  bool predicts_x0_;
  bool lowers_order_;
  double train_steps_;
  History history_{3};
  at::Tensor last_x_;
  at::Tensor last_noise_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kSaSolver>(const Recipe& recipe) {
  return std::make_unique<SaSolver>(recipe.options, recipe.config);
}

}  // namespace txt2img

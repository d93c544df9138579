// UniPC, arXiv 2302.04867: a multistep predictor, and a corrector that uses the output of the step that follows anyway.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sampler/history.h"
#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

// Solves the n x n system by elimination; row i holds the powers i of n different numbers, so no pivoting is needed to
// tell singular ones.
std::vector<double> solve(std::vector<std::vector<double>> rows, std::vector<double> right) {
  const std::size_t n = right.size();
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = rows[i][k] / rows[k][k];
      for (std::size_t j = k; j < n; ++j) rows[i][j] -= factor * rows[k][j];
      right[i] -= factor * right[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) right[k] -= rows[k][j] * right[j];
    right[k] /= rows[k][k];
  }
  return right;
}

class Unipc final : public Sampler {
 public:
  explicit Unipc(const SamplerOptions& options)
      : order_(options.solver_order),
        is_bh1_(options.solver_type == SolverType::kBh1),
        predicts_x0_(options.solver_prediction == SolverPrediction::kX0),
        lowers_order_(options.lower_order_final) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    Denoised seen = denoise(x, step.from);
    at::Tensor output = predicts_x0_ ? std::move(seen.x0) : std::move(seen.eps);
    last_x_ = history_.size() > 0 ? advance(last_x_, step.from, last_order_, &output) : x;
    history_.push(std::move(output), step.from);
    last_order_ = std::min({order_, history_.size(), lowers_order_ ? step.count - step.index : order_});
    return advance(last_x_, step.to, last_order_, nullptr);
  }

 private:
  // From the newest level of the history to `to`; with the output there, the corrector.
  [[nodiscard]] at::Tensor advance(const at::Tensor& x, const NoiseLevel& to, int order,
                                   const at::Tensor* output_there) const {
    const NoiseLevel& from = history_[0].level;
    const at::Tensor& value = history_[0].output;
    const double r = decay(from, to);
    const double h = -std::log(r);
    // hh of the paper, and the scale of what is extrapolated.
    const double hh = predicts_x0_ ? -h : h;
    const double scale = predicts_x0_ ? to.alpha : to.sigma;
    const double of_x = predicts_x0_ ? to.sigma / from.sigma : to.alpha / from.alpha;
    const double growth = predicts_x0_ ? r - 1 : 1 / r - 1;  // exp(hh) - 1

    at::Tensor next = of_x * x - (scale * growth) * value;
    const double b = scale * (is_bh1_ ? hh : growth);
    const std::vector<double> places = places_of(order, h);
    const std::vector<double> weights = weights_of(places, hh, growth, output_there != nullptr);
    for (std::size_t k = 0; k + 1 < places.size(); ++k) {
      next = next - (b * weights[k] / places[k]) * (history_[static_cast<int>(k) + 1].output - value);
    }
    return output_there == nullptr ? next : next - (b * weights.back()) * (*output_there - value);
  }

  // Earlier levels in units of h from the newest, then 1 for the level to come.
  [[nodiscard]] std::vector<double> places_of(int order, double h) const {
    std::vector<double> places;
    const double newest = log_snr(history_[0].level);
    for (int k = 1; k < order; ++k) places.push_back((log_snr(history_[k].level) - newest) / h);
    places.push_back(1);
    return places;
  }

  // a_m of equation 5 (predictor: without the level to come) and 8; the paper's constants for two unknowns or one.
  [[nodiscard]] std::vector<double> weights_of(const std::vector<double>& places, double hh, double growth,
                                               bool is_corrector) const {
    const std::size_t unknowns = is_corrector ? places.size() : places.size() - 1;
    if (unknowns == 0) return {};
    if (places.size() == (is_corrector ? 1U : 2U)) return {0.5};
    std::vector<std::vector<double>> rows;
    std::vector<double> right;
    double phi = growth / hh - 1;
    double factorial = 1;
    for (std::size_t i = 0; i < unknowns; ++i) {
      std::vector<double> row;
      for (std::size_t k = 0; k < unknowns; ++k) row.push_back(std::pow(places[k], static_cast<double>(i)));
      rows.push_back(std::move(row));
      right.push_back(phi * factorial / (is_bh1_ ? hh : growth));
      factorial *= static_cast<double>(i) + 2;
      phi = phi / hh - 1 / factorial;
    }
    return solve(std::move(rows), std::move(right));
  }

  int order_;
  bool is_bh1_;
  bool predicts_x0_;
  bool lowers_order_;
  History history_{3};
  at::Tensor last_x_;
  int last_order_ = 1;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kUnipc>(const Recipe& recipe) {
  return std::make_unique<Unipc>(recipe.options);
}

}  // namespace txt2img

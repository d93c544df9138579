// Diffusion exponential integrator sampler, arXiv 2204.13902: multistep in log rho, rho = sigma/alpha.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "sampler/history.h"
#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

// Antiderivatives in rho of the Lagrange polynomials in log rho that are 1 at b and 0 at c (and d).
double antiderivative(double rho, double b, double c) {
  return rho * (std::log(rho) - std::log(c) - 1) / (std::log(b) - std::log(c));
}

double antiderivative(double rho, double b, double c, double d) {
  const double l = std::log(rho);
  const double lc = std::log(c);
  const double ld = std::log(d);
  const double numerator = rho * (l * l - l * (lc + ld + 2) + lc * ld + lc + ld + 2);
  return numerator / ((std::log(b) - lc) * (std::log(b) - ld));
}

class Deis final : public Sampler {
 public:
  explicit Deis(const SamplerOptions& options)
      : order_(options.solver_order), lowers_order_(options.lower_order_final), history_(order_) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise,
                  const NoiseSource& /*noise*/) override {
    history_.push(denoise(x, step.from).eps, step.from);
    const double to = ratio(step.to);
    at::Tensor next = x / step.from.alpha;
    switch (order_of(step)) {
      case 1: next = next + (to - ratio(step.from)) * history_[0].output; break;
      case 2: next = next + weight2(to, 0, 1) * history_[0].output + weight2(to, 1, 0) * history_[1].output; break;
      default:
        next = next + weight3(to, 0, 1, 2) * history_[0].output + weight3(to, 1, 2, 0) * history_[1].output +
               weight3(to, 2, 0, 1) * history_[2].output;
    }
    return step.to.alpha * next;
  }

 private:
  [[nodiscard]] int order_of(const Step& step) const {
    constexpr int kShortRun = 15;
    if (step.to.sigma == 0) return 1;
    const bool lowers = lowers_order_ && step.count < kShortRun;
    return std::min({order_, history_.size(), lowers ? step.count - step.index : order_});
  }

  [[nodiscard]] double rho(int age) const { return ratio(history_[age].level); }

  // Integrals from the newest level to `to`.
  [[nodiscard]] double weight2(double to, int b, int c) const {
    return antiderivative(to, rho(b), rho(c)) - antiderivative(rho(0), rho(b), rho(c));
  }
  [[nodiscard]] double weight3(double to, int b, int c, int d) const {
    return antiderivative(to, rho(b), rho(c), rho(d)) - antiderivative(rho(0), rho(b), rho(c), rho(d));
  }

  int order_;
  bool lowers_order_;
  History history_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kDeis>(const Recipe& recipe) {
  return std::make_unique<Deis>(recipe.options);
}

}  // namespace txt2img

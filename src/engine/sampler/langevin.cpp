// Langevin dynamics: sampling by the score, the gradient of log p(x).
#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include "sampler/maker.h"
#include "sampler/step_math.h"

namespace txt2img {
namespace {

// Euclidean norm of each row, (N, 1, 1, 1).
at::Tensor row_norm(const at::Tensor& x) { return at::linalg_vector_norm(x, 2, {1, 2, 3}, /*keepdim=*/true); }

// Predictor-corrector sampling, arXiv 2011.13456, algorithms 1, 4 and 5: at each noise level some corrections, then the
// ancestral step to the next one. Without the predictor, annealed Langevin dynamics, arXiv 1907.05600: each level
// begins with what the last one ended with, as the network sees it, and the last is denoised. The score is
// -eps / sigma.
class Langevin final : public Sampler {
 public:
  explicit Langevin(const SamplerOptions& options)
      : snr_(options.snr),
        corrections_(options.corrector_steps),
        has_predictor_(options.solver_type != SolverType::kCorrector) {}

  at::Tensor step(const at::Tensor& x, const Step& step, const Denoise& denoise, const NoiseSource& noise) override {
    at::Tensor sample = x;
    for (int i = 0; i < corrections_; ++i) sample = corrected(sample, step.from, denoise, noise());
    if (!has_predictor_ && !step.is_last()) return sample;
    return predicted(sample, step, denoise, noise);
  }

 private:
  // Step size of algorithms 4 and 5, for each picture by itself so that none depends on its neighbours.
  [[nodiscard]] at::Tensor corrected(const at::Tensor& x, const NoiseLevel& level, const Denoise& denoise,
                                     const at::Tensor& z) const {
    const at::Tensor score = denoise(x, level).eps / -level.sigma;
    const at::Tensor size = 2 * (snr_ * row_norm(z) / row_norm(score)).square();
    return x + size * score + (2 * size).sqrt() * z;
  }

  [[nodiscard]] static at::Tensor predicted(const at::Tensor& x, const Step& step, const Denoise& denoise,
                                            const NoiseSource& noise) {
    const auto [x0, eps] = denoise(x, step.from);
    const double r = decay(step.from, step.to);
    const double up = ancestral_noise(step.to, r);
    const at::Tensor mean = step.to.alpha * x0 + (step.to.sigma * r) * eps;
    return up > 0 ? mean + up * noise() : mean;
  }

  double snr_;
  int corrections_;
  bool has_predictor_;
};

}  // namespace

template <>
SamplerPtr make<SamplerKind::kLangevin>(const Recipe& recipe) {
  return std::make_unique<Langevin>(recipe.options);
}

}  // namespace txt2img

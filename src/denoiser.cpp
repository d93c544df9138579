#include "txt2img/denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <utility>

namespace txt2img {
namespace {

at::Tensor stack_rows(const at::Tensor& first, const at::Tensor& second) {
  return first.defined() ? at::cat({first, second}) : at::Tensor();
}

Conditioning stack(const Conditioning& negative, const Conditioning& positive) {
  return {.context = stack_rows(negative.context, positive.context),
          .pooled = stack_rows(negative.pooled, positive.pooled),
          .time_ids = stack_rows(negative.time_ids, positive.time_ids),
          .guidance = stack_rows(negative.guidance, positive.guidance)};
}

// Standard deviation of each row, (N, 1, 1, 1).
at::Tensor row_deviation(const at::Tensor& x) { return x.std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true); }

at::Tensor clip(const at::Tensor& x0, bool clips_x0) { return clips_x0 ? x0.clamp(-1, 1) : x0; }

}  // namespace

Denoiser::Denoiser(Predict predict, DenoiserOptions options, Conditioning positive,
                   const std::optional<Conditioning>& negative)
    : predict_(std::move(predict)),
      options_(options),
      conditioning_(negative ? stack(*negative, positive) : std::move(positive)),
      is_guided_(negative.has_value()) {}

at::Tensor Denoiser::guided_output(const at::Tensor& x, double timestep) const {
  if (!is_guided_) return predict_(x, timestep, conditioning_);
  const auto halves = predict_(at::cat({x, x}), timestep, conditioning_).chunk(2);
  const at::Tensor& unconditional = halves[0];
  const at::Tensor& conditional = halves[1];
  const at::Tensor guided = unconditional + options_.guidance * (conditional - unconditional);
  if (options_.guidance_rescale == 0) return guided;
  const at::Tensor rescaled = guided * (row_deviation(conditional) / row_deviation(guided));
  return options_.guidance_rescale * rescaled + (1 - options_.guidance_rescale) * guided;
}

Denoised Denoiser::operator()(const at::Tensor& x, const NoiseLevel& level) const {
  const auto [alpha, sigma, timestep] = level;
  const at::Tensor out = guided_output(x, timestep);
  switch (options_.prediction) {
    case PredictionType::kEpsilon: return {.x0 = clip((x - sigma * out) / alpha, options_.clips_x0), .eps = out};
    case PredictionType::kVelocity:
      return {.x0 = clip(alpha * x - sigma * out, options_.clips_x0), .eps = alpha * out + sigma * x};
    case PredictionType::kSample: return {.x0 = clip(out, options_.clips_x0), .eps = (x - alpha * out) / sigma};
  }
  return {};
}

}  // namespace txt2img

#include "module/denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/quantile.h>

#include <utility>

namespace txt2img {
namespace {

// Standard deviation of each row, (N, 1, 1, 1).
at::Tensor row_deviation(const at::Tensor& x) { return x.std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true); }

// Dynamic thresholding, arXiv 2205.11487, section 2.3, of each row.
at::Tensor threshold(const at::Tensor& x0, const X0Limit& limit) {
  const at::Tensor rows = x0.flatten(1);
  const at::Tensor s = at::quantile(rows.abs(), limit.ratio, 1, /*keepdim=*/true).clamp(1, limit.max);
  return (at::minimum(at::maximum(rows, -s), s) / s).view_as(x0);
}

at::Tensor limited(const at::Tensor& x0, const X0Limit& limit) {
  switch (limit.kind) {
    case X0Limit::Kind::kNone: return x0;
    case X0Limit::Kind::kClip: return x0.clamp(-limit.range, limit.range);
    case X0Limit::Kind::kThreshold: return threshold(x0, limit);
  }
  return x0;
}

// Which of a model's settings a sampler of the reference listens to.
X0Limit::Kind limit_kind(const SchedulerConfig& config, SamplerKind sampler, const SamplerOptions& options) {
  using Kind = X0Limit::Kind;
  const Kind threshold = config.thresholding ? Kind::kThreshold : Kind::kNone;
  const Kind clip = config.clip_sample ? Kind::kClip : Kind::kNone;
  switch (info(sampler).x0_rule) {
    case X0Rule::kNone: return Kind::kNone;
    case X0Rule::kClip: return config.is_flow() ? Kind::kNone : clip;
    case X0Rule::kThreshold: return threshold;
    case X0Rule::kThresholdOfX0: return options.solver_prediction == SolverPrediction::kX0 ? threshold : Kind::kNone;
    case X0Rule::kThresholdOrClip: return threshold == Kind::kNone ? clip : threshold;
  }
  return Kind::kNone;
}

}  // namespace

DenoiserOptions denoiser_options(const SchedulerConfig& config, SamplerKind sampler, const SamplerOptions& options) {
  return {.prediction = config.prediction_type,
          .sigma_data = config.sigma_data,
          .limit = {.kind = limit_kind(config, sampler, options),
                    .range = config.clip_sample_range,
                    .ratio = config.dynamic_thresholding_ratio,
                    .max = config.sample_max_value,
                    .is_felt_by_eps = !info(sampler).keeps_eps}};
}

Denoiser::Denoiser(Predict predict, DenoiserOptions options, Conditioning positive,
                   const std::optional<Conditioning>& negative)
    : predict_(std::move(predict)), options_(options), positive_(std::move(positive)) {
  if (negative) both_ = negative->followed_by(positive_);
}

at::Tensor Denoiser::output(const at::Tensor& x, double timestep, Guidance guidance) const {
  if (!both_ || guidance == Guidance::kOff) return predict_(x, timestep, positive_);
  const auto halves = predict_(at::cat({x, x}), timestep, *both_).chunk(2);
  const at::Tensor& unconditional = halves[0];
  const at::Tensor& conditional = halves[1];
  at::Tensor guided = unconditional + options_.guidance * (conditional - unconditional);
  if (options_.guidance_rescale == 0) return guided;
  const at::Tensor rescaled = guided * (row_deviation(conditional) / row_deviation(guided));
  return options_.guidance_rescale * rescaled + (1 - options_.guidance_rescale) * guided;
}

Denoised Denoiser::split(const at::Tensor& x, const at::Tensor& out, const NoiseLevel& level) const {
  const auto [alpha, sigma, timestep] = level;
  const double data = options_.sigma_data;
  if (data > 0) {
    const double sign = options_.prediction == PredictionType::kVelocity ? -1 : 1;
    const at::Tensor x0 = (data * data * alpha) * x + (sign * data * sigma) * out;
    return {.x0 = x0, .eps = (x - alpha * x0) / sigma};
  }
  switch (options_.prediction) {
    case PredictionType::kEpsilon: return {.x0 = (x - sigma * out) / alpha, .eps = out};
    case PredictionType::kVelocity: return {.x0 = alpha * x - sigma * out, .eps = alpha * out + sigma * x};
    case PredictionType::kSample: return {.x0 = out, .eps = (x - alpha * out) / sigma};
    case PredictionType::kFlow: return {.x0 = x - sigma * out, .eps = x + alpha * out};
  }
  return {};
}

Denoised Denoiser::operator()(const at::Tensor& x, const NoiseLevel& level, Guidance guidance) const {
  Denoised seen = split(x, output(x, level.timestep, guidance), level);
  if (options_.limit.kind == X0Limit::Kind::kNone) return seen;
  seen.x0 = limited(seen.x0, options_.limit);
  if (options_.limit.is_felt_by_eps) seen.eps = (x - level.alpha * seen.x0) / level.sigma;
  return seen;
}

}  // namespace txt2img

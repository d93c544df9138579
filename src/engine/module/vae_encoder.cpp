#include "module/vae_encoder.h"

#include <ATen/TensorOperators.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "module/per_channel.h"
#include "module/script_module.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

at::Tensor scale(const at::Tensor& latent, const VaeSpec& spec) {
  if (spec.latents_mean.empty()) return (latent - spec.shift_factor) * spec.scaling_factor;
  return (latent - per_channel(spec.latents_mean, latent)) * spec.scaling_factor /
         per_channel(spec.latents_std, latent);
}

// Mean and logarithm of the variance, one behind the other in the channels; the limits are the reference's.
at::Tensor sample(const at::Tensor& posterior, const at::Tensor& noise) {
  const std::vector<at::Tensor> halves = posterior.chunk(2, 1);
  return halves[0] + (0.5 * halves[1].clamp(-30, 20)).exp() * noise;
}

std::filesystem::path file_of(const Bundle& bundle) {
  if (bundle.vae.encoder) return bundle.folder / *bundle.vae.encoder;
  throw Error(ExitCode::kUsage, "the model " + bundle.name + " has no VAE encoder; export it with one");
}

}  // namespace

VaeEncoder::VaeEncoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches)
    : spec_(bundle.vae), module_(std::make_unique<ScriptModule>(file_of(bundle), device, dtype, switches)) {}

VaeEncoder::~VaeEncoder() = default;

at::Tensor VaeEncoder::encode(const at::Tensor& rgb, const at::Tensor& noise) const {
  const std::vector<at::Tensor> output = module_->run({rgb.to(module_->dtype())});
  const std::vector<std::int64_t> wanted = {rgb.size(0),
                                            std::int64_t{spec_.has_posterior ? 2 : 1} * spec_.latent_channels,
                                            rgb.size(2) / spec_.factor, rgb.size(3) / spec_.factor};
  if (output.size() != 1 || output[0].sizes() != at::IntArrayRef(wanted)) {
    throw Error(ExitCode::kBadData,
                spec_.encoder.value_or("") + " does not return one latent for each picture; export the model again");
  }
  const at::Tensor latent = output[0].to(at::kFloat);
  return scale(spec_.has_posterior ? sample(latent, noise) : latent, spec_);
}

}  // namespace txt2img

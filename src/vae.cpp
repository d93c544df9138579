#include "txt2img/vae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <cstdint>
#include <vector>

#include "script_module.h"
#include "txt2img/error.h"

namespace txt2img {

namespace {

// (1, C, 1, 1), on the latent's device.
at::Tensor per_channel(const std::vector<double>& values, const at::Tensor& latent) {
  return at::tensor(values, latent.options()).view({1, -1, 1, 1});
}

at::Tensor unscale(const at::Tensor& latent, const VaeSpec& spec) {
  if (spec.latents_mean.empty()) return latent / spec.scaling_factor + spec.shift_factor;
  return latent * per_channel(spec.latents_std, latent) / spec.scaling_factor + per_channel(spec.latents_mean, latent);
}

}  // namespace

VaeDecoder::VaeDecoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype)
    : spec_(bundle.vae), module_(std::make_unique<ScriptModule>(bundle.folder / bundle.vae.decoder, device, dtype)) {}

VaeDecoder::~VaeDecoder() = default;

at::Tensor VaeDecoder::decode(const at::Tensor& latent) const {
  const at::Tensor unscaled = unscale(latent, spec_);
  const std::vector<at::Tensor> output = module_->run({unscaled.to(module_->dtype())});
  const std::vector<std::int64_t> wanted = {latent.size(0), 3, latent.size(2) * spec_.factor,
                                            latent.size(3) * spec_.factor};
  if (output.size() != 1 || output[0].sizes() != at::IntArrayRef(wanted)) {
    throw Error(ExitCode::kBadData, spec_.decoder + " does not return one RGB picture of " +
                                        std::to_string(spec_.factor) + " x the latent's size; export the model again");
  }
  return output[0].to(at::kFloat);
}

Image to_image(const at::Tensor& rgb) {
  const at::Tensor bytes =
      ((rgb * 0.5 + 0.5).clamp(0, 1) * 255).round().to(at::kByte).permute({1, 2, 0}).contiguous().cpu();
  const auto* data = bytes.const_data_ptr<std::uint8_t>();
  return {.width = static_cast<int>(rgb.size(2)),
          .height = static_cast<int>(rgb.size(1)),
          .rgb = {data, data + bytes.numel()}};
}

}  // namespace txt2img

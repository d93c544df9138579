#include "module/vae.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "graph/torch_errors.h"
#include "module/per_channel.h"
#include "module/script_module.h"
#include "module/tiled_ops.h"
#include "txt2img/error.h"

namespace txt2img {

namespace {

constexpr std::int64_t kTileSize = 256;  // pixels: small enough to hold, large enough to overlap little

at::Tensor unscale(const at::Tensor& latent, const VaeSpec& spec) {
  if (spec.latents_mean.empty()) return latent / spec.scaling_factor + spec.shift_factor;
  return latent * per_channel(spec.latents_std, latent) / spec.scaling_factor + per_channel(spec.latents_mean, latent);
}

}  // namespace

struct VaeDecoder::Parts {
  ScriptModule::Split split{};
};

VaeDecoder::VaeDecoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches)
    : spec_(bundle.vae),
      module_(std::make_unique<ScriptModule>(bundle.folder / bundle.vae.decoder, device, dtype, switches)) {
  if (auto split = module_->split()) parts_ = std::make_unique<Parts>(Parts{.split = std::move(*split)});
}

VaeDecoder::~VaeDecoder() = default;

bool VaeDecoder::can_be_tiled() const { return parts_ != nullptr; }

at::Tensor VaeDecoder::check(const at::Tensor& rgb, const at::Tensor& latent) const {
  const std::vector<std::int64_t> wanted = {latent.size(0), 3, latent.size(2) * spec_.factor,
                                            latent.size(3) * spec_.factor};
  if (rgb.sizes() != at::IntArrayRef(wanted)) {
    throw Error(ExitCode::kBadData, spec_.decoder + " does not return one RGB picture of " +
                                        std::to_string(spec_.factor) + " x the latent's size; export the model again");
  }
  return rgb.to(at::kFloat);
}

at::Tensor VaeDecoder::decode(const at::Tensor& latent) const {
  const std::vector<at::Tensor> output = module_->run({unscale(latent, spec_).to(module_->dtype())});
  return check(output.size() == 1 ? output[0] : at::Tensor(), latent);
}

at::Tensor VaeDecoder::decode_tiled(const at::Tensor& latent) const {
  if (!can_be_tiled()) {
    throw Error(ExitCode::kUsage, spec_.decoder + " has layers that cannot be tiled; use --vae-tiling off");
  }
  at::Tensor features = parts_->split.head(unscale(latent, spec_).to(module_->dtype()));
  const at::Tensor rgb = translate_errors(spec_.decoder, "; use --vae-tiling off", [&] {
    return run_tiled(parts_->split.tail, std::move(features), kTileSize);
  });
  return check(rgb, latent);
}

std::uint64_t VaeDecoder::peak_bytes(const at::Tensor& latent) const {
  if (!can_be_tiled()) return 0;
  const TiledOps& tail = parts_->split.tail;
  // Taken as given: the layers before the tail keep the latent's size.
  const auto first = std::ranges::find(tail, TiledOp::Kind::kConvolution, &TiledOp::kind);
  const std::vector<std::int64_t> sizes = {latent.size(0), first->weight.size(1), latent.size(2), latent.size(3)};
  return static_cast<std::uint64_t>(peak_numel(tail, sizes)) * c10::elementSize(module_->dtype());
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

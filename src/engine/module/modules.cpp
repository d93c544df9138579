#include "module/modules.h"

namespace txt2img {

Placement place(const Bundle& bundle, const EngineOptions& options) {
  const c10::Device device = find_device(options.device);
  configure_device(device, options);
  return {.device = device,
          .precision = choose_precision(bundle, options, device),
          .vae_precision = choose_vae_precision(options),
          .memory = options.memory,
          .switches = options.switches};
}

void Modules::load() {
  if (placement_.memory == MemoryUse::kLow) return;
  text_encoder();
  unet();
  vae_decoder();
}

template <typename Module>
std::unique_ptr<Module> Modules::load(Precision precision) const {
  return std::make_unique<Module>(*bundle_, placement_.device, to_scalar_type(precision), placement_.switches);
}

template <typename Module>
Lease<Module> Modules::lease(std::unique_ptr<Module>& kept, Precision precision) {
  if (placement_.memory == MemoryUse::kLow) return {load<Module>(precision).release(), {.frees = true}};
  if (!kept) kept = load<Module>(precision);
  return {kept.get(), {.frees = false}};
}

Lease<TextEncoder> Modules::text_encoder() { return lease(text_encoder_, placement_.precision); }
Lease<Unet> Modules::unet() { return lease(unet_, placement_.precision); }
Lease<VaeDecoder> Modules::vae_decoder() { return lease(vae_decoder_, placement_.vae_precision); }
Lease<VaeEncoder> Modules::vae_encoder() { return lease(vae_encoder_, placement_.vae_precision); }

VaeDecoder Modules::float32_vae_decoder() const {
  return {*bundle_, placement_.device, at::kFloat, placement_.switches};
}

}  // namespace txt2img

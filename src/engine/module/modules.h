// The modules of a bundle, leased for the time that each is needed.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "device/device.h"
#include "module/text_encoder.h"
#include "module/unet.h"
#include "module/vae.h"
#include "module/vae_encoder.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"
#include "txt2img/switches.h"

namespace txt2img {

// What happens when a lease ends: nothing to a module that is kept; else it is freed, and its memory returned.
template <typename Module>
struct LeaseEnd {
  bool frees = true;

  void operator()(Module* module) const {
    if (!frees) return;
    std::default_delete<Module>()(module);
    return_freed_memory();
  }
};

template <typename Module>
using Lease = std::unique_ptr<Module, LeaseEnd<Module>>;

// Where modules run, and how.
struct Placement {
  c10::Device device;
  Precision precision;  // of text encoder and UNet
  Precision vae_precision;
  MemoryUse memory;
  Switches switches;
};

// Finds the device and sets it up, which is a matter of the whole process. Throws as find_device() does.
TXT2IMG_API Placement place(const Bundle& bundle, const EngineOptions& options);

class TXT2IMG_API Modules {
 public:
  // The bundle must outlive it.
  Modules(const Bundle& bundle, const Placement& placement) : bundle_(&bundle), placement_(placement) {}

  // With MemoryUse::kNormal a module is loaded when it is first needed, here where every picture needs it, and kept;
  // with kLow it is loaded for its lease and freed after it. Throws Error: kUnavailable (out of memory), kBadData.
  void load();
  Lease<TextEncoder> text_encoder();
  Lease<Unet> unet();
  Lease<VaeDecoder> vae_decoder();
  Lease<VaeEncoder> vae_encoder();
  // Not kept, whatever the memory: for a picture that half precision cannot hold.
  [[nodiscard]] VaeDecoder float32_vae_decoder() const;

 private:
  template <typename Module>
  [[nodiscard]] std::unique_ptr<Module> load(Precision precision) const;
  template <typename Module>
  Lease<Module> lease(std::unique_ptr<Module>& kept, Precision precision);

  const Bundle* bundle_;
  Placement placement_;
  std::unique_ptr<TextEncoder> text_encoder_;
  std::unique_ptr<Unet> unet_;
  std::unique_ptr<VaeDecoder> vae_decoder_;
  std::unique_ptr<VaeEncoder> vae_encoder_;
};

}  // namespace txt2img

#include <torch/version.h>

#include <memory>

#include "device/device.h"
#include "pipeline.h"
#include "try_module.h"
#include "txt2img/engine.h"

namespace txt2img {
namespace {

std::unique_ptr<Engine> open_pipeline(const Bundle& bundle, const EngineOptions& options) {
  return std::make_unique<Pipeline>(bundle, options);
}

constexpr EngineEntry kEntry{.interface = kEngineInterface,
                             .version = TXT2IMG_VERSION,
                             .open = open_pipeline,
                             .try_module = try_module,
                             .list_devices = list_devices,
                             .torch_version = TORCH_VERSION};

}  // namespace
}  // namespace txt2img

const txt2img::EngineEntry* txt2img_engine_entry() { return &txt2img::kEntry; }

#include "txt2img/engine.h"

#include <torch/version.h>

#include <string>

#include "device/device.h"
#include "pipeline.h"
#include "try_module.h"

txt2img::Engine* txt2img_open_engine(const txt2img::Bundle& bundle, const txt2img::EngineOptions& options) {
  return new txt2img::Pipeline(bundle, options);
}

void txt2img_try_module(const txt2img::Bundle& bundle, const txt2img::EngineOptions& options, txt2img::ModuleKind kind,
                        txt2img::ModuleReport& report) {
  report = txt2img::try_module(bundle, options, kind);
}

void txt2img_list_devices(std::vector<txt2img::DeviceInfo>& devices) { devices = txt2img::list_devices(); }

void txt2img_torch_version(std::string& version) { version = TORCH_VERSION; }

// Devices: which there are, and which one a name means.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>
#include <vector>

#include "txt2img/engine.h"
#include "txt2img/names.h"

namespace txt2img {

// "auto", "cpu", "cuda" or "cuda:N". Throws Error: kUsage (no such name), kUnavailable (no such device here).
c10::Device find_device(const std::string& name);

DeviceInfo describe_device(c10::Device device);
std::vector<DeviceInfo> list_devices();

c10::ScalarType to_scalar_type(Precision precision);

// Threads, determinism and float32 rules for the whole process, before the first tensor.
void configure_device(c10::Device device, const EngineOptions& options);

}  // namespace txt2img

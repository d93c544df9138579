// Devices: which there are, and which one a name means.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

#include "txt2img/engine.h"
#include "txt2img/names.h"

namespace txt2img {

// "auto", "cpu", "cuda" or "cuda:N". Throws Error: kUsage (no such name), kUnavailable (no such device here).
c10::Device find_device(const std::string& name);

DeviceInfo describe_device(c10::Device device);
std::vector<DeviceInfo> list_devices();

// What the device has in all, in bytes; of RAM no more than the control groups of a container allow.
std::uint64_t memory_bytes(c10::Device device);

// Memory of freed tensors that the allocator of the C library holds back goes to the system.
void return_freed_memory();

c10::ScalarType to_scalar_type(Precision precision);

// Of text encoder and UNet, and of the VAE: as asked, or the defaults of EngineOptions.
Precision choose_precision(const Bundle& bundle, const EngineOptions& options, c10::Device device);
Precision choose_vae_precision(const EngineOptions& options);

// Threads, determinism and float32 rules for the whole process, before the first tensor.
void configure_device(c10::Device device, const EngineOptions& options);

}  // namespace txt2img

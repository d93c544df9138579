// What makes a device faster and changes pictures by no more than rounding. An environment variable lists what is on
// ("a,b", "none"), for measuring what each switch brings, and for machines where one fails; without it these are.
#pragma once

#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

struct CudaSwitches {         // TXT2IMG_CUDA_LEVERS
  bool channels_last = true;  // half precision: weights as tensor cores read them, so that cuDNN transposes less
  bool graph = true;          // UNet calls are recorded once and replayed
  bool group_norm = false;    // with channels_last: our own kernels; not on before a GPU has measured them
};

struct CpuSwitches {      // TXT2IMG_CPU_LEVERS
  bool attention = true;  // in blocks that stay in the caches
  bool packed = true;     // layers with weights as oneDNN reads them, channels last
  bool winograd = true;   // 3x3 convolutions with 1/4 or 4/9 of the multiplications
};

struct Switches {
  CpuSwitches cpu{};
  CudaSwitches cuda{};
};

// As the environment says, where it says something. Throws Error(kBadConfig).
TXT2IMG_API Switches read_switches();

// Those of "cpu" or "cuda" that are on, as "attention,packed" or "none"; empty where all are as they are by default.
// They change the last bits of pictures: records have them, and job keys.
TXT2IMG_API std::string changed_switches(const Switches& switches, std::string_view device);

}  // namespace txt2img

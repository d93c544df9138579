// What makes a device faster and changes pictures by no more than rounding. All of it is on, unless an environment
// variable lists what is ("a,b", "none"): for measuring what each lever brings, and for machines where one fails.
#pragma once

namespace txt2img {

struct CudaLevers {           // TXT2IMG_CUDA_LEVERS
  bool channels_last = true;  // half precision: weights as tensor cores read them, so that cuDNN transposes less
  bool graph = true;          // UNet calls are recorded once and replayed
};

struct CpuLevers {        // TXT2IMG_CPU_LEVERS
  bool attention = true;  // in blocks that stay in the caches
  bool packed = true;     // layers with weights as oneDNN reads them, channels last
  bool winograd = true;   // 3x3 convolutions with 1/4 or 4/9 of the multiplications
};

CudaLevers cuda_levers();
CpuLevers cpu_levers();

}  // namespace txt2img

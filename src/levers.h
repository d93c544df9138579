// What makes a device faster and changes pictures by no more than rounding. An environment variable lists what is on
// ("a,b", "none"), for measuring what each lever brings, and for machines where one fails; without it these are.
#pragma once

namespace txt2img {

struct CudaLevers {           // TXT2IMG_CUDA_LEVERS
  bool channels_last = true;  // half precision: weights as tensor cores read them, so that cuDNN transposes less
  bool graph = true;          // UNet calls are recorded once and replayed
  bool group_norm = false;    // with channels_last: our own kernels; not on before a GPU has measured them
};

struct CpuLevers {        // TXT2IMG_CPU_LEVERS
  bool attention = true;  // in blocks that stay in the caches
  bool packed = true;     // layers with weights as oneDNN reads them, channels last
  bool winograd = true;   // 3x3 convolutions with 1/4 or 4/9 of the multiplications
};

CudaLevers cuda_levers();
CpuLevers cpu_levers();

}  // namespace txt2img

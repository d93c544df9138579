// What makes CUDA faster and changes pictures by no more than rounding.
#pragma once

namespace txt2img {

struct CudaLevers {
  bool channels_last = true;  // half precision: weights as tensor cores read them, so that cuDNN transposes less
  bool graph = true;          // UNet calls are recorded once and replayed
};

// All of them, or those that the environment variable TXT2IMG_CUDA_LEVERS lists ("channels_last,graph", "none"): for
// measuring what each one brings, and for machines where one of them fails.
CudaLevers cuda_levers();

}  // namespace txt2img

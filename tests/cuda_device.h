// Whether tests of CUDA can run.
#pragma once

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

namespace txt2img {

inline bool has_cuda_device() { return at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0; }

}  // namespace txt2img

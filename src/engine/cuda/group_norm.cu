// What group_norm_kernel.h promises; what their threads do is in group_norm_block.h.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "cuda/group_norm_block.h"
#include "cuda/group_norm_kernel.h"

namespace txt2img {
namespace {

extern __shared__ GroupNormSums shared[];

template <typename T>
__global__ void __launch_bounds__(kGroupNormThreadsMax) add_up(const GroupNormCall<T> call) {
  const GroupNormBlock<T> block(call, blockIdx.y, blockIdx.x);
  block.add_channels(threadIdx.x, shared);
  __syncthreads();
  block.add_groups(threadIdx.x, shared);
}

template <typename T>
__global__ void __launch_bounds__(kGroupNormThreadsMax) normalise(const GroupNormCall<T> call) {
  const GroupNormBlock<T> block(call, blockIdx.y, blockIdx.x);
  block.gather(threadIdx.x, shared);
  __syncthreads();
  block.finish(threadIdx.x, shared);
  __syncthreads();
  block.apply(threadIdx.x, shared);
}

// Undefined gives null.
template <typename T>
const T* values_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<T>() : nullptr;
}

template <typename T>
void launch(const GroupNormSizes& sizes, const at::Tensor& x, const GroupNormFacts& layer, at::Tensor& y) {
  const at::Tensor found = at::empty({sizes.pictures, sizes.chunks, sizes.groups, 2}, x.options().dtype(at::kFloat));
  GroupNormCall<T> call;
  call.sizes = sizes;
  call.x = x.const_data_ptr<T>();
  call.weight = values_of<T>(layer.weight);
  call.bias = values_of<T>(layer.bias);
  call.y = y.mutable_data_ptr<T>();
  call.found = reinterpret_cast<GroupNormSums*>(found.mutable_data_ptr<float>());
  call.epsilon = static_cast<float>(layer.epsilon);
  call.has_silu = layer.has_silu;
  const dim3 blocks(sizes.chunks, sizes.pictures);
  const std::size_t room = sizeof(GroupNormSums) * kGroupNormWidth * sizes.threads();
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream();
  add_up<T><<<blocks, sizes.threads(), room, stream>>>(call);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  normalise<T><<<blocks, sizes.threads(), room, stream>>>(call);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

bool fits(const at::Tensor& vector, const at::Tensor& x) {
  return !vector.defined() || (vector.scalar_type() == x.scalar_type() && vector.device() == x.device() &&
                               vector.is_contiguous() && vector.numel() == x.size(1));
}

bool is_aligned(const at::Tensor& x) { return reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % 16 == 0; }

}  // namespace

bool has_group_norm_kernel() { return true; }

std::optional<at::Tensor> run_group_norm_kernel(const at::Tensor& x, const GroupNormFacts& layer) {
  const auto sizes = group_norm_sizes(x.size(0), x.size(2) * x.size(3), x.size(1), layer.groups);
  if (!sizes || !fits(layer.weight, x) || !fits(layer.bias, x) || !is_aligned(x)) return std::nullopt;
  const c10::cuda::CUDAGuard device_guard(x.device());
  at::Tensor y = at::empty_like(x, x.options(), at::MemoryFormat::ChannelsLast);
  if (x.scalar_type() == at::kHalf) {
    launch<c10::Half>(*sizes, x, layer, y);
  } else {
    launch<c10::BFloat16>(*sizes, x, layer, y);
  }
  return y;
}

}  // namespace txt2img

#include "cuda/cuda_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>

namespace txt2img {
namespace {

class RecordedGraph final : public CudaGraph {
 public:
  RecordedGraph(c10::Device device, const std::function<void()>& work) {
    const c10::cuda::CUDAGuard device_guard(device);
    const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
    c10::cuda::device_synchronize();
    {
      // The default stream cannot be recorded.
      const c10::cuda::CUDAStreamGuard stream_guard(stream);
      work();
      stream.synchronize();
      record(device, work);
    }
    c10::cuda::device_synchronize();
  }

  void replay() override { graph_.replay(); }

 private:
  void record(c10::Device device, const std::function<void()>& work) {
    const at::cuda::MempoolId_t pool = at::cuda::graph_pool_handle();
    // Other threads, which write pictures, may go on.
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      give_up(device, pool);
      throw;
    }
    try {
      graph_.capture_end();
    } catch (...) {
      leave_pool(device, pool);
      throw;
    }
  }

  void give_up(c10::Device device, at::cuda::MempoolId_t pool) {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {
      leave_pool(device, pool);
    }
  }

  // What capture_end leaves undone when it fails.
  static void leave_pool(c10::Device device, at::cuda::MempoolId_t pool) {
    c10::cuda::CUDACachingAllocator::endAllocateToPool(device.index(), pool);
    c10::cuda::CUDACachingAllocator::releasePool(device.index(), pool);
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

  at::cuda::CUDAGraph graph_;
};

}  // namespace

bool CudaGraph::is_available() { return true; }

std::unique_ptr<CudaGraph> CudaGraph::record(c10::Device device, const std::function<void()>& work) {
  return std::make_unique<RecordedGraph>(device, work);
}

}  // namespace txt2img

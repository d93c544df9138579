// In place of cuda_graph.cpp where CUDA's headers, or a LibTorch with CUDA, are missing.
#include "cuda/cuda_graph.h"
#include "txt2img/error.h"

namespace txt2img {

bool CudaGraph::is_available() { return false; }

std::unique_ptr<CudaGraph> CudaGraph::record(c10::Device /*device*/, const std::function<void()>& /*work*/) {
  throw Error(ExitCode::kUnavailable, "this build has no CUDA graphs");
}

}  // namespace txt2img

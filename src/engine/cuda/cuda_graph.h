// A piece of work on a CUDA device that is recorded once and then replayed as a whole.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace txt2img {

class CudaGraph {
 public:
  virtual ~CudaGraph() = default;

  // Whether this build can record: made with CUDA's headers and a LibTorch that has CUDA.
  static bool is_available();

  // Calls `work` twice: to warm up, and to record what it launches. What it reads and writes must stay where it is; it
  // must not wait for the device. Throws what `work` throws, and what LibTorch throws
  // where it cannot be recorded; the device is then as it was.
  static std::unique_ptr<CudaGraph> record(c10::Device device, const std::function<void()>& work);

  // Launches it all; does not wait.
  virtual void replay() = 0;
};

}  // namespace txt2img

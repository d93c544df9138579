#include "cuda/graphed_call.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iterator>

#include "graph/torch_errors.h"

namespace txt2img {
namespace {

constexpr std::size_t kRecordingsMax = 4;  // each keeps the memory that its graph works in
constexpr int kCallsBefore = 2;            // they load kernels and fill the caches of cuDNN and cuBLAS

std::vector<std::vector<std::int64_t>> shapes_of(const GraphedCall::Tensors& tensors) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (const at::Tensor& tensor : tensors) shapes.push_back(tensor.sizes().vec());
  return shapes;
}

GraphedCall::Tensors copies_of(const GraphedCall::Tensors& tensors) {
  GraphedCall::Tensors copies;
  for (const at::Tensor& tensor : tensors) copies.push_back(tensor.clone());
  return copies;
}

}  // namespace

GraphedCall::Tensors GraphedCall::operator()(const Tensors& inputs) {
  if (!is_recordable_) return call_(inputs);
  Recording& recording = recording_of(inputs);
  if (++recording.calls <= kCallsBefore) return call_(inputs);
  if (recording.graph == nullptr && !record(recording, inputs)) return call_(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) recording.inputs[i].copy_(inputs[i], /*non_blocking=*/true);
  recording.graph->replay();
  return copies_of(recording.outputs);
}

GraphedCall::Recording& GraphedCall::recording_of(const Tensors& inputs) {
  const auto shapes = shapes_of(inputs);
  const auto found = std::ranges::find(recordings_, shapes, &Recording::shapes);
  if (found != recordings_.end()) {
    recordings_.splice(recordings_.begin(), recordings_, found);
  } else {
    recordings_.push_front({.shapes = shapes});
    if (recordings_.size() > kRecordingsMax) recordings_.pop_back();
  }
  return recordings_.front();
}

bool GraphedCall::record(Recording& recording, const Tensors& inputs) {
  try {
    recording.inputs = copies_of(inputs);
    recording.graph = CudaGraph::record(inputs.front().device(), [&] { recording.outputs = call_(recording.inputs); });
    return true;
  } catch (const c10::Error& error) {
    problem_ = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    problem_ = last_line(error.what());
  }
  is_recordable_ = false;
  recordings_.clear();
  return false;
}

}  // namespace txt2img

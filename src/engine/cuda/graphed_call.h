// A function of tensors on CUDA that is replayed as a graph once tensors of the same shapes have come often enough.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/cuda_graph.h"

namespace txt2img {

class GraphedCall {
 public:
  using Tensors = std::vector<at::Tensor>;
  using Call = std::function<Tensors(const Tensors& inputs)>;

  // `call` gives the same for the same inputs, and its result depends on nothing else that changes.
  explicit GraphedCall(Call call) : call_(std::move(call)) {}

  // What `call` gives, in tensors of their own. Where it cannot be recorded, it is called each time.
  Tensors operator()(const Tensors& inputs);

  // Why calls are not recorded, told once.
  std::optional<std::string> take_problem() { return std::exchange(problem_, std::nullopt); }

 private:
  // Inputs of one combination of shapes.
  struct Recording {
    std::vector<std::vector<std::int64_t>> shapes{};
    int calls = 0;
    Tensors inputs{};  // where the graph reads and writes
    Tensors outputs{};
    std::unique_ptr<CudaGraph> graph{};
  };

  Recording& recording_of(const Tensors& inputs);
  bool record(Recording& recording, const Tensors& inputs);

  Call call_;
  std::list<Recording> recordings_{};  // the last used one first
  bool is_recordable_ = true;
  std::optional<std::string> problem_{};
};

}  // namespace txt2img

// A module's graph with layers that suit the CPU.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace txt2img {

struct CpuGraph {
  std::function<c10::IValue(const std::vector<at::Tensor>& inputs)> run{};
  std::unordered_set<const c10::TensorImpl*> taken{};  // weights that only layers use: they need no cast
};

// `graph` (module, tensors ...) -> one value is inlined and becomes part of the result. Nothing where no lever is on
// for this precision, or the graph changes tensors in place.
std::optional<CpuGraph> make_cpu_graph(const torch::jit::Module& module,
                                       const std::shared_ptr<torch::jit::Graph>& graph, c10::ScalarType dtype);

}  // namespace txt2img

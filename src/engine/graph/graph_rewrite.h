// How graphs get operators of our own.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "graph/graph_constants.h"

namespace txt2img {

struct RewrittenGraph {
  std::function<c10::IValue(const std::vector<at::Tensor>& inputs)> run{};
  std::unordered_set<const c10::TensorImpl*> taken{};  // weights that only our operators use: they need no cast
};

// Whether nothing in the inlined graph writes to a tensor or branches.
bool can_be_rewritten(const torch::jit::Graph& graph);

bool calls(const torch::jit::Node& node, std::string_view name);

// Takes out operators that give their first input, as exporters leave behind: dropout, divisions by 1.
void drop_idle(torch::jit::Graph& graph, const GraphConstants& constants);

// Puts a call of `name` in the place of `node`, which has one output.
void replace_node(torch::jit::Node* node, const char* name, at::ArrayRef<torch::jit::Value*> inputs);

// Runs `graph` (module, tensors ..., `more` ...) -> one value.
std::function<c10::IValue(const std::vector<at::Tensor>& inputs)> runner_of(
    const torch::jit::Module& module, const std::shared_ptr<torch::jit::Graph>& graph,
    const std::vector<c10::IValue>& more = {});

}  // namespace txt2img

// The graph of a TorchScript module, taken apart.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <optional>

#include "local_ops.h"

namespace txt2img {

struct SplitGraph {
  std::function<at::Tensor(const at::Tensor&)> head{};
  LocalOps tail{};
};

// See ScriptModule::split.
std::optional<SplitGraph> split_graph(const torch::jit::Module& module);

}  // namespace txt2img

// The graph of a TorchScript module, taken apart.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <memory>
#include <optional>

#include "module/tiled_ops.h"

namespace txt2img {

struct SplitGraph {
  std::function<at::Tensor(const at::Tensor&)> head{};
  LocalOps tail{};
};

// See ScriptModule::split. `device` and `dtype` are those in which it will run.
std::optional<SplitGraph> split_graph(const torch::jit::Module& module, c10::Device device = c10::DeviceType::CPU,
                                      c10::ScalarType dtype = c10::ScalarType::Float);

// What a module's forward does, inlined.
std::shared_ptr<torch::jit::Graph> inlined_graph(const torch::jit::Module& module);

}  // namespace txt2img

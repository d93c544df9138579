// The graph of a TorchScript module in two parts, of which the second can be run tile by tile.
//
//     graph(%self, %latent, %layers ...):                          head (%self, %latent, %layers ...) -> %features
//       %features = ...                 attention, for one
//       %a = aten::upsample_nearest2d(%features, ..., [2., 2.])    tail (%features): {kUpsample, inputs {0}}
//       %b = txt2img::run_layer(%a, %layer)                                          {kConvolution, inputs {1}}
//       %c = aten::silu(%b)                                                          {kSilu, inputs {2}}
//       return (%c)
//
// Both parts call the layers that the whole graph calls.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "module/tiled_ops.h"

namespace txt2img {

struct SplitGraph {
  std::function<at::Tensor(const at::Tensor&)> head{};
  TiledOps tail{};
};

// See ScriptModule::split. `graph` (module, tensor, `layers` ...) becomes that of the head.
std::optional<SplitGraph> split_graph(const torch::jit::Module& module, const std::shared_ptr<torch::jit::Graph>& graph,
                                      const std::vector<c10::IValue>& layers = {});

}  // namespace txt2img

// GroupNorm with SiLU after it, as one operator of TorchScript graphs.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <optional>

#include "cuda/group_norm_kernel.h"
#include "graph/graph_rewrite.h"

namespace txt2img {

// Of x (N, C, H, W): GroupNorm in each picture and group, then silu(y) = y / (1 + exp(-y)) if there is one. One kernel
// reads and one writes where a CUDA device holds half precision channels last, and the result lies so too; else it is
// what LibTorch's operators give.
at::Tensor group_norm(const at::Tensor& x, const GroupNormFacts& layer);

// The graph (module, tensors ...) -> one value, inlined, with that operator, and without those that do nothing. Nothing
// where it has no GroupNorm, or changes tensors in place.
std::optional<RewrittenGraph> make_group_norm_graph(const torch::jit::Module& module,
                                                    const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace txt2img

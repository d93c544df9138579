// The one reader of nodes: which of the operators that we know a node of a TorchScript graph is.
#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/jit/ir/ir.h>

#include <optional>
#include <string_view>

#include "graph/graph_constants.h"
#include "graph/layer.h"
#include "graph/op_facts.h"

namespace txt2img {

// Nothing where the operator is not one of these, or where its weights or settings are computed. A node that calls a
// layer of ours is what that layer stands for.
std::optional<KnownOp> known_op(const torch::jit::Node& node, const GraphConstants& constants);

bool calls(const torch::jit::Node& node, std::string_view name);

// (x, layer) -> what the layer gives.
constexpr const char* kRunLayer = "txt2img::run_layer";

// The layer that the node calls; null where it calls none.
c10::intrusive_ptr<Layer> layer_of(const torch::jit::Node& node, const GraphConstants& constants);

// GroupNorm of (x, groups, weight, bias, epsilon), and the same with SiLU after it.
constexpr const char* kGroupNorm = "txt2img::group_norm";
constexpr const char* kGroupNormSilu = "txt2img::group_norm_silu";

}  // namespace txt2img

// A module's graph with layers that suit the CPU.
#pragma once

#include <c10/core/ScalarType.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <optional>

#include "graph/graph_rewrite.h"
#include "txt2img/switches.h"

namespace txt2img {

// `graph` (module, tensors ...) -> one value is inlined and becomes part of the result. Nothing where no switch is on
// for this precision, or the graph changes tensors in place.
std::optional<RewrittenGraph> make_cpu_graph(const torch::jit::Module& module,
                                             const std::shared_ptr<torch::jit::Graph>& graph, c10::ScalarType dtype,
                                             const CpuSwitches& wanted = {});

}  // namespace txt2img

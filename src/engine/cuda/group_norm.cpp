#include "cuda/group_norm.h"

#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr const char* kGroupNorm = "txt2img::group_norm";
constexpr const char* kGroupNormSilu = "txt2img::group_norm_silu";

at::Tensor tensor_or_none(const c10::IValue& value) { return value.isNone() ? at::Tensor() : value.toTensor(); }

torch::jit::Operator make_operator(const char* name, bool has_silu) {
  return {std::string(name) + "(Tensor x, int groups, Tensor? weight, Tensor? bias, float eps) -> Tensor",
          [has_silu](torch::jit::Stack& stack) {
            GroupNormLayer layer = {.has_silu = has_silu};
            layer.epsilon = torch::jit::pop(stack).toDouble();
            layer.bias = tensor_or_none(torch::jit::pop(stack));
            layer.weight = tensor_or_none(torch::jit::pop(stack));
            layer.groups = torch::jit::pop(stack).toInt();
            const at::Tensor x = torch::jit::pop(stack).toTensor();
            torch::jit::push(stack, group_norm(x, layer));
          },
          c10::AliasAnalysisKind::FROM_SCHEMA};
}

void register_operators() {
  static const torch::jit::RegisterOperators operators(
      {make_operator(kGroupNorm, /*has_silu=*/false), make_operator(kGroupNormSilu, /*has_silu=*/true)});
}

// The SiLU that alone reads what `node` gives; null where there is none.
Node* silu_after(const Node& node) {
  const auto& uses = node.output()->uses();
  const bool is_silu = uses.size() == 1 && calls(*uses[0].user, "aten::silu");
  return is_silu ? uses[0].user : nullptr;
}

}  // namespace

at::Tensor group_norm(const at::Tensor& x, const GroupNormLayer& layer) {
  const bool is_half = x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
  if (x.is_cuda() && is_half && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    if (const std::optional<at::Tensor> y = run_group_norm_kernel(x, layer)) return *y;
  }
  const at::Tensor y = at::group_norm(x, layer.groups, layer.weight, layer.bias, layer.epsilon);
  return layer.has_silu ? at::silu(y) : y;
}

std::optional<RewrittenGraph> make_group_norm_graph(const torch::jit::Module& module,
                                                    const std::shared_ptr<Graph>& graph) {
  if (!can_be_rewritten(*graph)) return std::nullopt;
  register_operators();
  std::vector<Node*> norms;
  std::ranges::copy_if(graph->nodes(), std::back_inserter(norms),
                       [](const Node* node) { return calls(*node, "aten::group_norm"); });
  if (norms.empty()) return std::nullopt;
  for (Node* norm : norms) {
    const auto inputs = norm->inputs().slice(0, 5);  // the sixth is whether cuDNN may be used, which it never is
    if (Node* const silu = silu_after(*norm)) {
      replace_node(silu, kGroupNormSilu, inputs);
    } else {
      replace_node(norm, kGroupNorm, inputs);
    }
  }
  drop_idle(*graph, GraphConstants(module, *graph));
  torch::jit::EliminateDeadCode(graph);
  return RewrittenGraph{.run = runner_of(module, graph)};
}

}  // namespace txt2img

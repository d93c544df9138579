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

at::Tensor tensor_or_none(const c10::IValue& value) { return value.isNone() ? at::Tensor() : value.toTensor(); }

torch::jit::Operator group_norm_operator(const char* name, bool has_silu) {
  return make_operator(std::string(name) + "(Tensor x, int groups, Tensor? weight, Tensor? bias, float eps) -> Tensor",
                       [has_silu](torch::jit::Stack& stack) {
                         GroupNormFacts layer = {.has_silu = has_silu};
                         layer.epsilon = torch::jit::pop(stack).toDouble();
                         layer.bias = tensor_or_none(torch::jit::pop(stack));
                         layer.weight = tensor_or_none(torch::jit::pop(stack));
                         layer.groups = torch::jit::pop(stack).toInt();
                         const at::Tensor x = torch::jit::pop(stack).toTensor();
                         torch::jit::push(stack, group_norm(x, layer));
                       });
}

void register_operators() {
  static const torch::jit::RegisterOperators operators(
      {group_norm_operator(kGroupNorm, /*has_silu=*/false), group_norm_operator(kGroupNormSilu, /*has_silu=*/true)});
}

}  // namespace

at::Tensor group_norm(const at::Tensor& x, const GroupNormFacts& layer) {
  const bool is_half = x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
  if (x.is_cuda() && is_half && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    if (const std::optional<at::Tensor> y = run_group_norm_kernel(x, layer)) return *y;
  }
  const at::Tensor y = at::group_norm(x, layer.groups, layer.weight, layer.bias, layer.epsilon);
  return layer.has_silu ? at::silu(y) : y;
}

std::optional<RewrittenGraph> make_group_norm_graph(const torch::jit::Module& module,
                                                    const std::shared_ptr<torch::jit::Graph>& graph) {
  if (!can_be_rewritten(*graph)) return std::nullopt;
  register_operators();
  GraphRewriter rewriter(module, graph);
  const auto norms = rewriter.find<GroupNormFacts>();
  if (norms.empty()) return std::nullopt;
  for (const auto& norm : norms) {
    const auto inputs = norm.node->inputs().slice(0, 5);  // the sixth is whether cuDNN may be used, which it never is
    torch::jit::Node* const silu = rewriter.only_reader<SiluFacts>(*norm.node);
    rewriter.replace(silu != nullptr ? silu : norm.node, silu != nullptr ? kGroupNormSilu : kGroupNorm, inputs);
  }
  return rewriter.finish();
}

}  // namespace txt2img

#include "cpu/cpu_graph.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include <optional>
#include <string>

#include "cpu/cpu_attention.h"
#include "cpu/cpu_layers.h"
#include "cpu/cpu_product.h"
#include "txt2img/switches.h"

namespace txt2img {
namespace {

constexpr const char* kAttend = "txt2img::attend";

// Attention, where what comes is not as the graph promises too.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool fits = q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                    q.size(1) == k.size(1) && q.size(3) == k.size(3) && q.size(3) % 2 == 0 && k.size(2) > 0 &&
                    q.scalar_type() == k.scalar_type() && has_cpu_product(q.scalar_type());
  return fits ? cpu_attention(q, k, v) : at::scaled_dot_product_attention(q, k, v);
}

void register_operators() {
  static const torch::jit::RegisterOperators operators(
      {make_operator(std::string(kAttend) + "(Tensor q, Tensor k, Tensor v) -> Tensor", [](torch::jit::Stack& stack) {
        const at::Tensor v = torch::jit::pop(stack).toTensor();
        const at::Tensor k = torch::jit::pop(stack).toTensor();
        const at::Tensor q = torch::jit::pop(stack).toTensor();
        torch::jit::push(stack, attend(q, k, v));
      })});
}

}  // namespace

std::optional<RewrittenGraph> make_cpu_graph(const torch::jit::Module& module,
                                             const std::shared_ptr<torch::jit::Graph>& graph, c10::ScalarType dtype,
                                             const CpuSwitches& wanted) {
  const CpuSwitches switches = usable_switches(wanted, dtype);
  if (!switches.attention && !switches.packed && !switches.winograd) return std::nullopt;
  if (!can_be_rewritten(*graph)) return std::nullopt;
  register_operators();
  GraphRewriter rewriter(module, graph);
  for (const auto& match : rewriter.find<ConvolutionFacts>())
    rewriter.replace(match, make_convolution(match.facts, dtype, switches));
  for (const auto& match : rewriter.find<LinearFacts>())
    rewriter.replace(match, make_linear(match.facts, dtype, switches));
  if (switches.attention) {
    for (const auto& match : rewriter.find<AttentionFacts>())
      rewriter.replace(match.node, kAttend, match.node->inputs().slice(0, 3));
  }
  return rewriter.finish();
}

}  // namespace txt2img

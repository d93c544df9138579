#include "cpu/cpu_graph.h"

#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cpu/cpu_attention.h"
#include "cpu/cpu_layers.h"
#include "cpu/cpu_product.h"
#include "graph/graph_constants.h"
#include "txt2img/switches.h"

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr const char* kRunLayer = "txt2img::run_layer";
constexpr const char* kAttend = "txt2img::attend";

// Attention, where what comes is not as the graph promises too.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool fits = q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                    q.size(1) == k.size(1) && q.size(3) == k.size(3) && q.size(3) % 2 == 0 && k.size(2) > 0 &&
                    q.scalar_type() == k.scalar_type() && has_cpu_product(q.scalar_type());
  return fits ? cpu_attention(q, k, v) : at::scaled_dot_product_attention(q, k, v);
}

// (x, layer) -> what the layer gives; (q, k, v) -> their attention.
void register_operators() {
  static const torch::jit::RegisterOperators operators(
      {torch::jit::Operator(
           std::string(kRunLayer) + "(Tensor x, Capsule layer) -> Tensor",
           [](torch::jit::Stack& stack) {
             const auto layer = c10::static_intrusive_pointer_cast<CpuLayer>(torch::jit::pop(stack).toCapsule());
             const at::Tensor x = torch::jit::pop(stack).toTensor();
             torch::jit::push(stack, (*layer)(x));
           },
           c10::AliasAnalysisKind::FROM_SCHEMA),
       torch::jit::Operator(
           std::string(kAttend) + "(Tensor q, Tensor k, Tensor v) -> Tensor",
           [](torch::jit::Stack& stack) {
             const at::Tensor v = torch::jit::pop(stack).toTensor();
             const at::Tensor k = torch::jit::pop(stack).toTensor();
             const at::Tensor q = torch::jit::pop(stack).toTensor();
             torch::jit::push(stack, attend(q, k, v));
           },
           c10::AliasAnalysisKind::FROM_SCHEMA)});
}

class Rewriter {
 public:
  Rewriter(const torch::jit::Module& module, Graph& graph, c10::ScalarType dtype)
      : graph_(&graph), constants_(module, graph), dtype_(dtype), levers_(usable_cpu_levers(dtype)) {}

  // The layers, in the order in which they became inputs of the graph.
  std::vector<c10::IValue> rewrite() {
    drop_idle(*graph_, constants_);
    const std::vector<Node*> nodes(graph_->nodes().begin(), graph_->nodes().end());
    for (Node* node : nodes) {
      if (is_plain_attention(*node)) {
        replace_node(node, kAttend, node->inputs().slice(0, 3));
      } else if (const auto layer = layer_of(*node)) {
        Value* const input = graph_->addInput();
        input->setType(c10::CapsuleType::get());
        layers_.push_back(c10::IValue::make_capsule(layer));
        replace_node(node, kRunLayer, {node->input(0), input});
      }
    }
    for (Node* node : graph_->nodes()) {
      if (only_copies_for_layers(*node)) node->output()->replaceAllUsesWith(node->input(0));
    }
    return std::move(layers_);
  }

  [[nodiscard]] const std::vector<at::Tensor>& weights() const { return weights_; }

 private:
  c10::intrusive_ptr<CpuLayer> layer_of(const Node& node) {
    if (calls(node, "aten::_convolution")) {
      const std::optional<ConvolutionFacts> facts = constants_.convolution(node);
      return facts ? remember(facts->weight, make_convolution(*facts, dtype_, levers_)) : nullptr;
    }
    if (calls(node, "aten::linear")) {
      const std::optional<at::Tensor> weight = constants_.tensor(node.input(1));
      const std::optional<at::Tensor> bias = constants_.tensor(node.input(2));
      if (!weight || weight->dim() != 2 || !(bias || constants_.is_none(node.input(2)))) return nullptr;
      return remember(*weight, make_linear(*weight, bias.value_or(at::Tensor()), dtype_, levers_));
    }
    return nullptr;
  }

  c10::intrusive_ptr<CpuLayer> remember(const at::Tensor& weight, c10::intrusive_ptr<CpuLayer> layer) {
    if (layer) weights_.push_back(weight);
    return layer;
  }

  // Of scaled_dot_product_attention(q, k, v, mask, dropout, is_causal, scale, enable_gqa).
  [[nodiscard]] bool is_plain_attention(const Node& node) const {
    return levers_.attention && calls(node, "aten::scaled_dot_product_attention") &&
           constants_.is_none(node.input(3)) && constants_.number(node.input(4)) == 0 &&
           constants_.is_false(node.input(5)) && constants_.is_none(node.input(6)) &&
           constants_.is_false(node.input(7));
  }

  // Layers take every memory format.
  [[nodiscard]] static bool only_copies_for_layers(const Node& node) {
    return calls(node, "aten::contiguous") &&
           std::ranges::all_of(node.output()->uses(), [](const auto& use) { return calls(*use.user, kRunLayer); });
  }

  Graph* graph_;
  GraphConstants constants_;
  c10::ScalarType dtype_;
  CpuLevers levers_;
  std::vector<c10::IValue> layers_;
  std::vector<at::Tensor> weights_;
};

// Weights that the graph does not read itself.
std::unordered_set<const c10::TensorImpl*> only_in_layers(const std::vector<at::Tensor>& weights,
                                                          const torch::jit::Module& module, const Graph& graph) {
  std::unordered_set<const c10::TensorImpl*> taken;
  for (const at::Tensor& weight : weights) taken.insert(weight.unsafeGetTensorImpl());
  const GraphConstants constants(module, graph);
  for (const Node* node : graph.nodes()) {
    for (const Value* input : node->inputs()) {
      if (const auto tensor = constants.tensor(input)) taken.erase(tensor->unsafeGetTensorImpl());
    }
  }
  return taken;
}

}  // namespace

std::optional<RewrittenGraph> make_cpu_graph(const torch::jit::Module& module, const std::shared_ptr<Graph>& graph,
                                             c10::ScalarType dtype) {
  const CpuLevers levers = usable_cpu_levers(dtype);
  if (!levers.attention && !levers.packed && !levers.winograd) return std::nullopt;
  if (!can_be_rewritten(*graph)) return std::nullopt;
  register_operators();
  Rewriter rewriter(module, *graph, dtype);
  const std::vector<c10::IValue> layers = rewriter.rewrite();
  torch::jit::EliminateDeadCode(graph);
  return RewrittenGraph{.run = runner_of(module, graph, layers),
                        .taken = only_in_layers(rewriter.weights(), module, *graph)};
}

}  // namespace txt2img

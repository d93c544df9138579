#include "graph/graph_rewrite.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool writes(const Node& node) {
  const c10::FunctionSchema* const schema = node.maybeSchema();
  return schema != nullptr && schema->is_mutable();
}

// Whether it is of the type of a layer's weights: what one gives, or a sum with that.
bool comes_from_layer(const Value* value) {
  std::vector<const Node*> open{value->node()};
  std::unordered_set<const Node*> seen;
  while (!open.empty()) {
    const Node* const node = open.back();
    open.pop_back();
    if (calls(*node, "aten::_convolution") || calls(*node, "aten::linear")) return true;
    if (!calls(*node, "aten::add") || !seen.insert(node).second) continue;
    open.push_back(node->input(0)->node());
    open.push_back(node->input(1)->node());
  }
  return false;
}

void register_operators() {
  static const torch::jit::RegisterOperators operators(
      {make_operator(std::string(kRunLayer) + "(Tensor x, Capsule layer) -> Tensor", [](torch::jit::Stack& stack) {
        const auto layer = c10::static_intrusive_pointer_cast<Layer>(torch::jit::pop(stack).toCapsule());
        const at::Tensor x = torch::jit::pop(stack).toTensor();
        torch::jit::push(stack, (*layer)(x));
      })});
}

}  // namespace

std::shared_ptr<Graph> inlined_graph(const torch::jit::Module& module) {
  std::shared_ptr<Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::EliminateDeadCode(graph);
  return graph;
}

bool can_be_rewritten(const Graph& graph) {
  return std::ranges::none_of(graph.nodes(), [](const Node* node) { return writes(*node) || !node->blocks().empty(); });
}

GraphRunner runner_of(const torch::jit::Module& module, const std::shared_ptr<Graph>& graph,
                      const std::vector<c10::IValue>& layers) {
  const auto executor = std::make_shared<torch::jit::GraphExecutor>(graph, "forward");
  return [executor, layers, self = module._ivalue()](const std::vector<at::Tensor>& inputs) {
    torch::jit::Stack stack = {self};
    stack.insert(stack.end(), inputs.begin(), inputs.end());
    stack.insert(stack.end(), layers.begin(), layers.end());
    executor->run(stack);
    return stack.back();
  };
}

torch::jit::Operator make_operator(const std::string& schema, torch::jit::Operation work) {
  return {schema, std::move(work), c10::AliasAnalysisKind::FROM_SCHEMA};
}

GraphRewriter::GraphRewriter(torch::jit::Module module, std::shared_ptr<Graph> graph)
    : module_(std::move(module)), graph_(std::move(graph)), constants_(module_, *graph_) {
  drop_idle();
}

void GraphRewriter::replace(Node* node, const char* name, at::ArrayRef<Value*> inputs) {
  Node* const call = graph_->create(c10::Symbol::fromQualString(name), inputs);
  call->insertBefore(node);
  call->output()->copyMetadata(node->output());
  node->output()->replaceAllUsesWith(call->output());
  node->destroy();
}

void GraphRewriter::call_layer(Node* node, const c10::intrusive_ptr<Layer>& layer) {
  register_operators();
  Value* const input = graph_->addInput();
  input->setType(c10::CapsuleType::get());
  layers_.push_back(c10::IValue::make_capsule(layer));
  constants_.add_layer(input, layers_.back());
  replace(node, kRunLayer, {node->input(0), input});
}

bool GraphRewriter::is_idle(const Node& node) const {
  const std::optional<KnownOp> op = known_op(node, constants_);
  if (!op) return false;
  if (const auto* const scale = std::get_if<ScaleFacts>(&*op))
    return scale->factor == 1 && comes_from_layer(node.input(0));  // whole numbers would become fractions
  return std::holds_alternative<IdleFacts>(*op);
}

void GraphRewriter::drop_idle() {
  for (auto node = graph_->nodes().begin(); node != graph_->nodes().end(); ++node) {
    if (!is_idle(**node)) continue;
    node->output()->replaceAllUsesWith(node->input(0));
    node.destroyCurrent();
  }
}

// Layers take every memory format.
void GraphRewriter::drop_copies_for_layers() {
  for (Node* node : graph_->nodes()) {
    const bool is_for_layers =
        calls(*node, "aten::contiguous") &&
        std::ranges::all_of(node->output()->uses(), [](const auto& use) { return calls(*use.user, kRunLayer); });
    if (is_for_layers) node->output()->replaceAllUsesWith(node->input(0));
  }
}

// Those that the graph does not read itself.
std::unordered_set<const c10::TensorImpl*> GraphRewriter::taken_weights() const {
  std::unordered_set<const c10::TensorImpl*> taken;
  for (const at::Tensor& weight : weights_) taken.insert(weight.unsafeGetTensorImpl());
  for (const Node* node : graph_->nodes()) {
    for (const Value* input : node->inputs()) {
      if (const auto tensor = constants_.tensor(input)) taken.erase(tensor->unsafeGetTensorImpl());
    }
  }
  return taken;
}

RewrittenGraph GraphRewriter::finish() {
  drop_copies_for_layers();
  torch::jit::EliminateDeadCode(graph_);
  return {.graph = graph_, .layers = layers_, .taken = taken_weights(), .run = runner_of(module_, graph_, layers_)};
}

}  // namespace txt2img

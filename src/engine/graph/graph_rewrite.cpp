#include "graph/graph_rewrite.h"

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>

namespace txt2img {
namespace {

bool writes(const torch::jit::Node& node) {
  const c10::FunctionSchema* const schema = node.maybeSchema();
  return schema != nullptr && schema->is_mutable();
}

// Whether it is of the type of a layer's weights: what one gives, or a sum with that.
bool comes_from_layer(const torch::jit::Value* value) {
  const torch::jit::Node& node = *value->node();
  if (calls(node, "aten::_convolution") || calls(node, "aten::linear")) return true;
  return calls(node, "aten::add") && (comes_from_layer(node.input(0)) || comes_from_layer(node.input(1)));
}

bool is_idle(const torch::jit::Node& node, const GraphConstants& constants) {
  if (calls(node, "aten::dropout")) return constants.is_false(node.input(2));
  // Whole numbers would become fractions.
  return calls(node, "aten::div") && constants.number(node.input(1)) == 1 && comes_from_layer(node.input(0));
}

}  // namespace

bool can_be_rewritten(const torch::jit::Graph& graph) {
  return std::ranges::none_of(graph.nodes(),
                              [](const torch::jit::Node* node) { return writes(*node) || !node->blocks().empty(); });
}

bool calls(const torch::jit::Node& node, std::string_view name) { return node.kind().toQualString() == name; }

void drop_idle(torch::jit::Graph& graph, const GraphConstants& constants) {
  for (torch::jit::Node* node : graph.nodes()) {
    if (is_idle(*node, constants)) node->output()->replaceAllUsesWith(node->input(0));
  }
}

void replace_node(torch::jit::Node* node, const char* name, at::ArrayRef<torch::jit::Value*> inputs) {
  torch::jit::Node* const call = node->owningGraph()->create(c10::Symbol::fromQualString(name), inputs);
  call->insertBefore(node);
  call->output()->copyMetadata(node->output());
  node->output()->replaceAllUsesWith(call->output());
  node->destroy();
}

std::function<c10::IValue(const std::vector<at::Tensor>& inputs)> runner_of(
    const torch::jit::Module& module, const std::shared_ptr<torch::jit::Graph>& graph,
    const std::vector<c10::IValue>& more) {
  const auto executor = std::make_shared<torch::jit::GraphExecutor>(graph, "forward");
  return [executor, more, self = module._ivalue()](const std::vector<at::Tensor>& inputs) {
    torch::jit::Stack stack = {self};
    stack.insert(stack.end(), inputs.begin(), inputs.end());
    stack.insert(stack.end(), more.begin(), more.end());
    executor->run(stack);
    return stack.back();
  };
}

}  // namespace txt2img

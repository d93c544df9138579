#include "script_graph.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;
using Kind = LocalOp::Kind;

// Reads nodes of a module's inlined graph: (self, x) -> one tensor.
class Reader {
 public:
  Reader(const torch::jit::Module& module, const Graph& graph) : module_(&module), self_(graph.inputs()[0]) {
    data_.insert(graph.inputs()[1]);
  }

  // Whether the node works on x or on what was made of it; remembers what it makes.
  bool touches_data(const Node& node) {
    const bool touches = std::ranges::any_of(node.inputs(), [&](const Value* input) { return is_data(input); }) ||
                         !node.blocks().empty();
    if (touches) data_.insert(node.outputs().begin(), node.outputs().end());
    return touches;
  }

  [[nodiscard]] bool is_data(const Value* value) const { return data_.contains(value); }

  // The node as a local operator without its inputs, if it is one.
  [[nodiscard]] std::optional<LocalOp> read(const Node& node) const {
    const std::string_view name = node.kind().toQualString();
    if (name == "aten::_convolution") return read_convolution(node);
    if (name == "aten::group_norm") return read_group_norm(node);
    if (name == "aten::silu") return LocalOp{.kind = Kind::kSilu};
    if (name == "aten::add") return read_add(node);
    if (name == "aten::div") return read_division(node);
    if (name == "aten::dropout") return read_dropout(node);
    if (name == "aten::upsample_nearest2d") return read_upsample(node);
    return std::nullopt;
  }

 private:
  // A constant, or what the module holds; nothing where it is computed.
  [[nodiscard]] std::optional<c10::IValue> constant(const Value* value) const {
    if (value == self_) return module_->_ivalue();
    const Node& node = *value->node();
    if (node.kind() != c10::prim::GetAttr) return torch::jit::toIValue(value);
    const std::optional<c10::IValue> owner = constant(node.input());
    if (!owner || !owner->isObject()) return std::nullopt;
    return owner->toObjectRef().getAttr(node.s(c10::attr::name));
  }

  [[nodiscard]] std::optional<at::Tensor> tensor(const Value* value) const {
    const std::optional<c10::IValue> known = constant(value);
    return known && known->isTensor() ? std::optional(known->toTensor()) : std::nullopt;
  }

  [[nodiscard]] std::optional<std::int64_t> integer(const Value* value) const {
    const std::optional<c10::IValue> known = constant(value);
    return known && known->isInt() ? std::optional(known->toInt()) : std::nullopt;
  }

  [[nodiscard]] bool is_none(const Value* value) const {
    const std::optional<c10::IValue> known = constant(value);
    return known && known->isNone();
  }

  [[nodiscard]] bool is_false(const Value* value) const {
    const std::optional<c10::IValue> known = constant(value);
    return known && known->isBool() && !known->toBool();
  }

  // Whether the value is a list that is known, not empty and holds this number only.
  [[nodiscard]] bool holds_only(const Value* value, double wanted) const {
    std::vector<c10::IValue> elements;
    if (value->node()->kind() == c10::prim::ListConstruct) {
      for (const Value* input : value->node()->inputs()) elements.push_back(constant(input).value_or(c10::IValue()));
    } else if (const std::optional<c10::IValue> whole = constant(value); whole && whole->isList()) {
      elements = whole->toListRef().vec();
    }
    return !elements.empty() && std::ranges::all_of(elements, [&](const c10::IValue& element) {
      return (element.isInt() || element.isDouble()) && element.toScalar().toDouble() == wanted;
    });
  }

  // Of _convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...).
  [[nodiscard]] std::optional<LocalOp> read_convolution(const Node& node) const {
    const std::optional<at::Tensor> kernel = tensor(node.input(1));
    const std::optional<at::Tensor> bias = tensor(node.input(2));
    if (!kernel || kernel->dim() != 4 || !(bias || is_none(node.input(2)))) return std::nullopt;
    const std::int64_t side = kernel->size(2);
    const std::int64_t margin = side / 2;
    const bool keeps_size = side % 2 == 1 && kernel->size(3) == side && holds_only(node.input(3), 1) &&
                            holds_only(node.input(4), static_cast<double>(margin)) && holds_only(node.input(5), 1);
    const bool is_plain = is_false(node.input(6)) && integer(node.input(8)) == 1;
    if (!keeps_size || !is_plain) return std::nullopt;
    return LocalOp{.kind = Kind::kConvolution, .weight = *kernel, .bias = bias.value_or(at::Tensor())};
  }

  // Of group_norm(x, groups, weight, bias, eps, cudnn_enabled).
  [[nodiscard]] std::optional<LocalOp> read_group_norm(const Node& node) const {
    const std::optional<std::int64_t> groups = integer(node.input(1));
    const std::optional<at::Tensor> weight = tensor(node.input(2));
    const std::optional<at::Tensor> bias = tensor(node.input(3));
    const std::optional<c10::IValue> eps = constant(node.input(4));
    if (!groups || !weight || !bias || !eps || !eps->isDouble()) return std::nullopt;
    return LocalOp{
        .kind = Kind::kGroupNorm, .weight = *weight, .bias = *bias, .groups = *groups, .eps = eps->toDouble()};
  }

  // Of add(x, y, alpha).
  [[nodiscard]] std::optional<LocalOp> read_add(const Node& node) const {
    const bool is_sum = is_data(node.input(0)) && is_data(node.input(1)) && integer(node.input(2)) == 1;
    return is_sum ? std::optional(LocalOp{.kind = Kind::kAdd}) : std::nullopt;
  }

  // Of div(x, number); a trace keeps the number as a tensor.
  [[nodiscard]] std::optional<LocalOp> read_division(const Node& node) const {
    if (node.inputs().size() != 2) return std::nullopt;
    const std::optional<c10::IValue> divisor = constant(node.input(1));
    if (!divisor) return std::nullopt;
    if (divisor->isTensor() && divisor->toTensor().dim() == 0)
      return LocalOp{.kind = Kind::kScale, .factor = 1 / divisor->toTensor().item<double>()};
    if (!divisor->isDouble() && !divisor->isInt()) return std::nullopt;
    return LocalOp{.kind = Kind::kScale, .factor = 1 / divisor->toScalar().toDouble()};
  }

  // Of dropout(x, p, train): nothing happens but in training.
  [[nodiscard]] std::optional<LocalOp> read_dropout(const Node& node) const {
    return is_false(node.input(2)) ? std::optional(LocalOp{.kind = Kind::kScale}) : std::nullopt;
  }

  // Of upsample_nearest2d(x, size, scales).
  [[nodiscard]] std::optional<LocalOp> read_upsample(const Node& node) const {
    const bool doubles = node.inputs().size() == 3 && is_none(node.input(1)) && holds_only(node.input(2), 2);
    return doubles ? std::optional(LocalOp{.kind = Kind::kUpsample}) : std::nullopt;
  }

  const torch::jit::Module* module_;
  const Value* self_;
  std::set<const Value*> data_;
};

struct Step {
  Node* node = nullptr;
  std::optional<LocalOp> op{};
};

// The nodes that work on the input, in their order.
std::vector<Step> read_steps(const torch::jit::Module& module, Graph& graph) {
  Reader reader(module, graph);
  std::vector<Step> steps;
  for (Node* node : graph.nodes()) {
    if (reader.touches_data(*node)) steps.push_back({.node = node, .op = reader.read(*node)});
  }
  return steps;
}

// What steps[first ...] use of the values made before.
std::set<Value*> inputs_of(const std::vector<Step>& steps, std::size_t first, Value* input) {
  std::set<const Value*> earlier = {input};
  for (std::size_t i = 0; i < first; ++i)
    earlier.insert(steps[i].node->outputs().begin(), steps[i].node->outputs().end());
  std::set<Value*> used;
  for (std::size_t i = first; i < steps.size(); ++i) {
    for (Value* value : steps[i].node->inputs()) {
      if (earlier.contains(value)) used.insert(value);
    }
  }
  return used;
}

LocalOps connect(const std::vector<Step>& steps, std::size_t first, const Value* input) {
  std::unordered_map<const Value*, std::size_t> index = {{input, 0}};
  LocalOps ops;
  for (std::size_t i = first; i < steps.size(); ++i) {
    LocalOp op = steps[i].op.value_or(LocalOp());
    for (const Value* value : steps[i].node->inputs()) {
      if (const auto found = index.find(value); found != index.end()) op.inputs.push_back(found->second);
    }
    const bool does_nothing = op.kind == Kind::kScale && op.factor == 1;
    if (!does_nothing) ops.push_back(op);
    index[steps[i].node->output()] = does_nothing ? op.inputs.front() : ops.size();
  }
  return ops;
}

std::function<at::Tensor(const at::Tensor&)> make_head(const torch::jit::Module& module,
                                                       const std::shared_ptr<Graph>& graph, Value* output) {
  graph->eraseOutput(0);
  graph->registerOutput(output);
  torch::jit::EliminateDeadCode(graph);
  const auto executor = std::make_shared<torch::jit::GraphExecutor>(graph, "head");
  return [executor, self = module._ivalue()](const at::Tensor& input) {
    torch::jit::Stack stack = {self, input};
    executor->run(stack);
    return stack.back().toTensor();
  };
}

}  // namespace

std::optional<SplitGraph> split_graph(const torch::jit::Module& module) {
  const std::shared_ptr<Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::EliminateDeadCode(graph);
  if (graph->inputs().size() != 2 || graph->outputs().size() != 1) return std::nullopt;
  const std::vector<Step> steps = read_steps(module, *graph);
  if (steps.empty() || !steps.back().op || graph->outputs()[0] != steps.back().node->output()) return std::nullopt;

  std::size_t first = steps.size();
  while (first > 0 && steps[first - 1].op) --first;
  Value* const whole_input = graph->inputs()[1];
  while (first < steps.size() && inputs_of(steps, first, whole_input).size() != 1) ++first;
  if (first == steps.size()) return std::nullopt;

  Value* const input = *inputs_of(steps, first, whole_input).begin();
  SplitGraph split{.tail = connect(steps, first, input)};
  const auto has = [&](Kind kind) { return std::ranges::find(split.tail, kind, &LocalOp::kind) != split.tail.end(); };
  if (!has(Kind::kUpsample) || !has(Kind::kConvolution)) return std::nullopt;
  split.head = make_head(module, graph, input);
  return split;
}

}  // namespace txt2img

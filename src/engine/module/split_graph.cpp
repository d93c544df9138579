#include "module/split_graph.h"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpu/cpu_graph.h"
#include "cpu/cpu_layers.h"
#include "graph/graph_constants.h"
#include "graph/graph_rewrite.h"

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;
using Kind = LocalOp::Kind;

// Reads nodes of a module's inlined graph: (self, x) -> one tensor.
class Reader {
 public:
  Reader(const torch::jit::Module& module, const Graph& graph) : constants_(module, graph) {
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
  [[nodiscard]] std::optional<LocalOp> read_convolution(const Node& node) const {
    const std::optional<ConvolutionFacts> facts = constants_.convolution(node);
    if (!facts || !facts->keeps_size() || facts->groups != 1) return std::nullopt;
    return LocalOp{.kind = Kind::kConvolution, .weight = facts->weight, .bias = facts->bias};
  }

  // Of group_norm(x, groups, weight, bias, eps, cudnn_enabled).
  [[nodiscard]] std::optional<LocalOp> read_group_norm(const Node& node) const {
    const std::optional<std::int64_t> groups = constants_.integer(node.input(1));
    const std::optional<at::Tensor> weight = constants_.tensor(node.input(2));
    const std::optional<at::Tensor> bias = constants_.tensor(node.input(3));
    const std::optional<double> eps = constants_.number(node.input(4));
    if (!groups || !weight || !bias || !eps) return std::nullopt;
    return LocalOp{.kind = Kind::kGroupNorm, .weight = *weight, .bias = *bias, .groups = *groups, .eps = *eps};
  }

  // Of add(x, y, alpha).
  [[nodiscard]] std::optional<LocalOp> read_add(const Node& node) const {
    const bool is_sum = is_data(node.input(0)) && is_data(node.input(1)) && constants_.integer(node.input(2)) == 1;
    return is_sum ? std::optional(LocalOp{.kind = Kind::kAdd}) : std::nullopt;
  }

  // Of div(x, number).
  [[nodiscard]] std::optional<LocalOp> read_division(const Node& node) const {
    if (node.inputs().size() != 2) return std::nullopt;
    const std::optional<double> divisor = constants_.number(node.input(1));
    return divisor ? std::optional(LocalOp{.kind = Kind::kScale, .factor = 1 / *divisor}) : std::nullopt;
  }

  // Of dropout(x, p, train): nothing happens but in training.
  [[nodiscard]] std::optional<LocalOp> read_dropout(const Node& node) const {
    return constants_.is_false(node.input(2)) ? std::optional(LocalOp{.kind = Kind::kScale}) : std::nullopt;
  }

  // Of upsample_nearest2d(x, size, scales).
  [[nodiscard]] std::optional<LocalOp> read_upsample(const Node& node) const {
    if (node.inputs().size() != 3 || !constants_.is_none(node.input(1))) return std::nullopt;
    const bool doubles = constants_.numbers(node.input(2)) == std::vector<double>{2, 2};
    return doubles ? std::optional(LocalOp{.kind = Kind::kUpsample}) : std::nullopt;
  }

  GraphConstants constants_;
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

// A function of one tensor.
using Head = std::function<at::Tensor(const at::Tensor&)>;

Head make_head(const torch::jit::Module& module, const std::shared_ptr<Graph>& graph, Value* output, c10::Device device,
               c10::ScalarType dtype) {
  graph->eraseOutput(0);
  graph->registerOutput(output);
  torch::jit::EliminateDeadCode(graph);
  std::optional<RewrittenGraph> rewritten;
  if (device.is_cpu()) rewritten = make_cpu_graph(module, graph, dtype);
  return [run = rewritten ? rewritten->run : runner_of(module, graph)](const at::Tensor& input) {
    return run({input}).toTensor();
  };
}

// Convolutions of the CPU as the rest of the module has them.
void use_layers(LocalOps& ops, c10::ScalarType dtype) {
  for (LocalOp& op : ops) {
    if (op.kind != Kind::kConvolution) continue;
    const std::int64_t margin = op.weight.size(2) / 2;
    const ConvolutionFacts facts = {
        .weight = op.weight, .bias = op.bias, .stride = {1, 1}, .padding = {margin, margin}, .dilation = {1, 1}};
    if (const auto layer = make_convolution(facts, dtype, usable_cpu_levers(dtype)))
      op.convolve = [layer](const at::Tensor& x) { return (*layer)(x); };
  }
}

}  // namespace

std::shared_ptr<Graph> inlined_graph(const torch::jit::Module& module) {
  std::shared_ptr<Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::EliminateDeadCode(graph);
  return graph;
}

std::optional<SplitGraph> split_graph(const torch::jit::Module& module, c10::Device device, c10::ScalarType dtype) {
  const std::shared_ptr<Graph> graph = inlined_graph(module);
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
  if (device.is_cpu()) use_layers(split.tail, dtype);
  split.head = make_head(module, graph, input, device, dtype);
  return split;
}

}  // namespace txt2img

#include "module/split_graph.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

#include "graph/graph_constants.h"
#include "graph/graph_rewrite.h"
#include "graph/known_op.h"

namespace txt2img {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;
using Kind = TiledOp::Kind;
using MaybeTiled = std::optional<TiledOp>;

// Operators without their inputs, if they can be tiled.
MaybeTiled tiled(const ConvolutionFacts& facts) {
  if (!facts.keeps_size() || facts.groups != 1) return std::nullopt;
  return TiledOp{.kind = Kind::kConvolution, .weight = facts.weight, .bias = facts.bias};
}

MaybeTiled tiled(const GroupNormFacts& facts) {
  if (!facts.weight.defined() || !facts.bias.defined()) return std::nullopt;
  return TiledOp{.kind = Kind::kGroupNorm,
                 .weight = facts.weight,
                 .bias = facts.bias,
                 .groups = facts.groups,
                 .eps = facts.epsilon,
                 .has_silu = facts.has_silu};
}

MaybeTiled tiled(const ScaleFacts& facts) { return TiledOp{.kind = Kind::kScale, .factor = facts.factor}; }
MaybeTiled tiled(const IdleFacts& /*facts*/) { return TiledOp{.kind = Kind::kScale}; }
MaybeTiled tiled(const SiluFacts& /*facts*/) { return TiledOp{.kind = Kind::kSilu}; }
MaybeTiled tiled(const SumFacts& /*facts*/) { return TiledOp{.kind = Kind::kAdd}; }
MaybeTiled tiled(const DoublingFacts& /*facts*/) { return TiledOp{.kind = Kind::kUpsample}; }
MaybeTiled tiled(const LinearFacts& /*facts*/) { return std::nullopt; }
MaybeTiled tiled(const AttentionFacts& /*facts*/) { return std::nullopt; }

MaybeTiled tiled_op(const Node& node, const GraphConstants& constants) {
  const std::optional<KnownOp> known = known_op(node, constants);
  MaybeTiled op = known ? std::visit([](const auto& facts) { return tiled(facts); }, *known) : std::nullopt;
  const c10::intrusive_ptr<Layer> layer = layer_of(node, constants);
  if (op && layer) op->convolve = [layer](const at::Tensor& x) { return (*layer)(x); };
  return op;
}

struct Step {
  Node* node = nullptr;
  MaybeTiled op{};
};

// The nodes that work on the graph's second input or on what was made of it, in their order.
std::vector<Step> read_steps(Graph& graph, const GraphConstants& constants) {
  std::set<const Value*> data = {graph.inputs()[1]};
  const auto is_data = [&](const Value* value) { return data.contains(value); };
  std::vector<Step> steps;
  for (Node* node : graph.nodes()) {
    if (std::ranges::none_of(node->inputs(), is_data) && node->blocks().empty()) continue;
    data.insert(node->outputs().begin(), node->outputs().end());
    MaybeTiled op = tiled_op(*node, constants);
    if (op && op->kind == Kind::kAdd && !(is_data(node->input(0)) && is_data(node->input(1)))) op.reset();
    steps.push_back({.node = node, .op = std::move(op)});
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

TiledOps connect(const std::vector<Step>& steps, std::size_t first, const Value* input) {
  std::unordered_map<const Value*, std::size_t> index = {{input, 0}};
  TiledOps ops;
  for (std::size_t i = first; i < steps.size(); ++i) {
    TiledOp op = steps[i].op.value_or(TiledOp());
    for (const Value* value : steps[i].node->inputs()) {
      if (const auto found = index.find(value); found != index.end()) op.inputs.push_back(found->second);
    }
    const bool does_nothing = op.kind == Kind::kScale && op.factor == 1;
    if (!does_nothing) ops.push_back(op);
    index[steps[i].node->output()] = does_nothing ? op.inputs.front() : ops.size();
  }
  return ops;
}

// Where the operators begin that can be tiled and need one value of those before; their number where there are none.
std::size_t find_tail(const std::vector<Step>& steps, Value* whole_input) {
  std::size_t first = steps.size();
  while (first > 0 && steps[first - 1].op) --first;
  while (first < steps.size() && inputs_of(steps, first, whole_input).size() != 1) ++first;
  return first;
}

// Makes `graph` end where `output` is known.
void cut(const std::shared_ptr<Graph>& graph, Value* output) {
  graph->eraseOutput(0);
  graph->registerOutput(output);
  torch::jit::EliminateDeadCode(graph);
}

}  // namespace

std::optional<SplitGraph> split_graph(const torch::jit::Module& module, const std::shared_ptr<Graph>& graph,
                                      const std::vector<c10::IValue>& layers) {
  if (graph->inputs().size() != 2 + layers.size() || graph->outputs().size() != 1) return std::nullopt;
  const std::vector<Step> steps = read_steps(*graph, GraphConstants(module, *graph, layers));
  if (steps.empty() || !steps.back().op || graph->outputs()[0] != steps.back().node->output()) return std::nullopt;
  Value* const whole_input = graph->inputs()[1];
  const std::size_t first = find_tail(steps, whole_input);
  if (first == steps.size()) return std::nullopt;

  Value* const input = *inputs_of(steps, first, whole_input).begin();
  SplitGraph split{.tail = connect(steps, first, input)};
  const auto has = [&](Kind kind) { return std::ranges::find(split.tail, kind, &TiledOp::kind) != split.tail.end(); };
  if (!has(Kind::kUpsample) || !has(Kind::kConvolution)) return std::nullopt;
  cut(graph, input);
  split.head = [run = runner_of(module, graph, layers)](const at::Tensor& x) { return run({x}).toTensor(); };
  return split;
}

}  // namespace txt2img

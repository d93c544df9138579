// How graphs get operators of our own.
//
//     before                                             after
//     graph(%self, %x):                                  graph(%self, %x, %layer):
//       %w = prim::GetAttr[name="weight"](%self)           %y = txt2img::run_layer(%x, %layer)
//       %y = aten::_convolution(%x, %w, ...)               return (%y)
//       %z = aten::dropout(%y, 0.5, False)
//       return (%z)
//
// TorchScript has no constants of our types. So each layer becomes one more input of the graph, of the type Capsule,
// which takes any object: RewrittenGraph keeps the layers, and `run` hands them over in every call. The weight that has
// no other reader left is `taken`: the layer casts it, and the module need not.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "graph/graph_constants.h"
#include "graph/known_op.h"
#include "graph/layer.h"
#include "graph/op_facts.h"

namespace txt2img {

using GraphRunner = std::function<c10::IValue(const std::vector<at::Tensor>& inputs)>;

struct RewrittenGraph {
  std::shared_ptr<torch::jit::Graph> graph{};  // (module, tensors ..., layers ...) -> one value
  std::vector<c10::IValue> layers{};
  std::unordered_set<const c10::TensorImpl*> taken{};  // weights that only layers use
  GraphRunner run{};
};

// What a module's forward does, inlined.
std::shared_ptr<torch::jit::Graph> inlined_graph(const torch::jit::Module& module);

// Whether nothing in the inlined graph writes to a tensor or branches.
bool can_be_rewritten(const torch::jit::Graph& graph);

// Runs `graph` (module, tensors ..., `layers` ...) -> one value.
GraphRunner runner_of(const torch::jit::Module& module, const std::shared_ptr<torch::jit::Graph>& graph,
                      const std::vector<c10::IValue>& layers = {});

// An operator by its schema and what it does with the stack, to be registered. It changes nothing.
torch::jit::Operator make_operator(const std::string& schema, torch::jit::Operation work);

class GraphRewriter {
 public:
  template <typename Facts>
  struct Match {
    torch::jit::Node* node = nullptr;
    Facts facts{};
  };

  // Of a graph (module, tensors ...) -> one value that can_be_rewritten. Operators that give their input, as exporters
  // leave behind, are taken out at once: dropout, divisions by 1.
  GraphRewriter(torch::jit::Module module, std::shared_ptr<torch::jit::Graph> graph);

  // The nodes that are known to be such an operator.
  template <typename Facts>
  [[nodiscard]] std::vector<Match<Facts>> find() const {
    std::vector<Match<Facts>> matches;
    for (torch::jit::Node* node : graph_->nodes()) {
      auto op = known_op(*node, constants_);
      if (op && std::holds_alternative<Facts>(*op)) matches.push_back({node, std::get<Facts>(*std::move(op))});
    }
    return matches;
  }

  // The one such operator that reads what `node` gives; null where anything else reads it.
  template <typename Facts>
  [[nodiscard]] torch::jit::Node* only_reader(const torch::jit::Node& node) const {
    const auto& uses = node.output()->uses();
    if (uses.size() != 1) return nullptr;
    const auto op = known_op(*uses[0].user, constants_);
    return op && std::holds_alternative<Facts>(*op) ? uses[0].user : nullptr;
  }

  // Puts a call of `name` in the place of `node`, which has one output.
  void replace(torch::jit::Node* node, const char* name, at::ArrayRef<torch::jit::Value*> inputs);

  // Puts `layer` in the place of what was found; nothing happens where it is null.
  template <typename Facts>
  void replace(const Match<Facts>& match, const c10::intrusive_ptr<Layer>& layer) {
    if (!layer) return;
    weights_.push_back(match.facts.weight);
    call_layer(match.node, layer);
  }

  // Takes out what has no reader any more.
  [[nodiscard]] RewrittenGraph finish();

 private:
  void call_layer(torch::jit::Node* node, const c10::intrusive_ptr<Layer>& layer);
  void drop_idle();
  void drop_copies_for_layers();
  [[nodiscard]] bool is_idle(const torch::jit::Node& node) const;
  [[nodiscard]] std::unordered_set<const c10::TensorImpl*> taken_weights() const;

  torch::jit::Module module_;
  std::shared_ptr<torch::jit::Graph> graph_;
  GraphConstants constants_;
  std::vector<c10::IValue> layers_{};
  std::vector<at::Tensor> weights_{};
};

}  // namespace txt2img

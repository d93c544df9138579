#include "graph/graph_constants.h"

#include <torch/csrc/jit/ir/constants.h>

#include <cstddef>

namespace txt2img {

using torch::jit::Node;
using torch::jit::Value;

GraphConstants::GraphConstants(const torch::jit::Module& module, const torch::jit::Graph& graph,
                               const std::vector<c10::IValue>& layers) {
  inputs_.emplace(graph.inputs()[0], module._ivalue());
  const std::size_t first = graph.inputs().size() - layers.size();
  for (std::size_t i = 0; i < layers.size(); ++i) add_layer(graph.inputs()[first + i], layers[i]);
}

std::optional<c10::IValue> GraphConstants::value(const Value* value) const {
  if (const auto input = inputs_.find(value); input != inputs_.end()) return input->second;
  const Node& node = *value->node();
  if (node.kind() != c10::prim::GetAttr) return torch::jit::toIValue(value);
  const std::optional<c10::IValue> owner = this->value(node.input());
  if (!owner || !owner->isObject()) return std::nullopt;
  return owner->toObjectRef().getAttr(node.s(c10::attr::name));
}

std::optional<at::Tensor> GraphConstants::tensor(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isTensor() ? std::optional(known->toTensor()) : std::nullopt;
}

std::optional<std::int64_t> GraphConstants::integer(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isInt() ? std::optional(known->toInt()) : std::nullopt;
}

std::optional<double> GraphConstants::number(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  if (!known) return std::nullopt;
  if (known->isTensor()) {
    const at::Tensor& tensor = known->toTensor();
    return tensor.dim() == 0 ? std::optional(tensor.item<double>()) : std::nullopt;
  }
  return known->isDouble() || known->isInt() ? std::optional(known->toScalar().toDouble()) : std::nullopt;
}

std::optional<std::vector<double>> GraphConstants::numbers(const Value* value) const {
  std::vector<c10::IValue> elements;
  if (value->node()->kind() == c10::prim::ListConstruct) {
    for (const Value* input : value->node()->inputs()) elements.push_back(this->value(input).value_or(c10::IValue()));
  } else if (const std::optional<c10::IValue> whole = this->value(value); whole && whole->isList()) {
    elements = whole->toListRef().vec();
  } else {
    return std::nullopt;
  }
  std::vector<double> numbers;
  for (const c10::IValue& element : elements) {
    if (!element.isInt() && !element.isDouble()) return std::nullopt;
    numbers.push_back(element.toScalar().toDouble());
  }
  return numbers;
}

std::optional<std::vector<std::int64_t>> GraphConstants::integers(const Value* value) const {
  const std::optional<std::vector<double>> known = numbers(value);
  return known ? std::optional(std::vector<std::int64_t>(known->begin(), known->end())) : std::nullopt;
}

std::optional<at::Tensor> GraphConstants::tensor_or_none(const Value* value) const {
  return is_none(value) ? at::Tensor() : tensor(value);
}

bool GraphConstants::is_none(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isNone();
}

bool GraphConstants::is_false(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isBool() && !known->toBool();
}

}  // namespace txt2img

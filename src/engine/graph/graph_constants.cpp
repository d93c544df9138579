#include "graph/graph_constants.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

namespace txt2img {

using torch::jit::Node;
using torch::jit::Value;

bool ConvolutionFacts::keeps_size() const {
  const std::int64_t side = weight.size(2);
  const auto all = [](const std::vector<std::int64_t>& values, std::int64_t wanted) {
    return std::ranges::all_of(values, [&](std::int64_t value) { return value == wanted; });
  };
  return side % 2 == 1 && weight.size(3) == side && all(stride, 1) && all(padding, side / 2) && all(dilation, 1);
}

std::optional<c10::IValue> GraphConstants::value(const Value* value) const {
  if (value == self_) return module_->_ivalue();
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

bool GraphConstants::is_none(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isNone();
}

bool GraphConstants::is_false(const Value* value) const {
  const std::optional<c10::IValue> known = this->value(value);
  return known && known->isBool() && !known->toBool();
}

std::optional<ConvolutionFacts> GraphConstants::convolution(const Node& node) const {
  // (x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...)
  const std::optional<at::Tensor> weight = tensor(node.input(1));
  const std::optional<at::Tensor> bias = tensor(node.input(2));
  const auto stride = integers(node.input(3));
  const auto padding = integers(node.input(4));
  const auto dilation = integers(node.input(5));
  const std::optional<std::int64_t> groups = integer(node.input(8));
  const bool is_known = weight && (bias || is_none(node.input(2))) && stride && padding && dilation && groups;
  if (!is_known || weight->dim() != 4 || !is_false(node.input(6))) return std::nullopt;
  return ConvolutionFacts{.weight = *weight,
                          .bias = bias.value_or(at::Tensor()),
                          .stride = *stride,
                          .padding = *padding,
                          .dilation = *dilation,
                          .groups = *groups};
}

}  // namespace txt2img

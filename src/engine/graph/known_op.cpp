#include "graph/known_op.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace txt2img {
namespace {

using torch::jit::Node;
using MaybeOp = std::optional<KnownOp>;

// Of (x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, ...).
MaybeOp read_convolution(const Node& node, const GraphConstants& constants) {
  const std::optional<at::Tensor> weight = constants.tensor(node.input(1));
  const std::optional<at::Tensor> bias = constants.tensor_or_none(node.input(2));
  const auto stride = constants.integers(node.input(3));
  const auto padding = constants.integers(node.input(4));
  const auto dilation = constants.integers(node.input(5));
  const std::optional<std::int64_t> groups = constants.integer(node.input(8));
  if (!weight || !bias || !stride || !padding || !dilation || !groups) return std::nullopt;
  if (weight->dim() != 4 || !constants.is_false(node.input(6))) return std::nullopt;
  return ConvolutionFacts{.weight = *weight,
                          .bias = *bias,
                          .stride = *stride,
                          .padding = *padding,
                          .dilation = *dilation,
                          .groups = *groups};
}

// Of (x, weight, bias).
MaybeOp read_linear(const Node& node, const GraphConstants& constants) {
  const std::optional<at::Tensor> weight = constants.tensor(node.input(1));
  const std::optional<at::Tensor> bias = constants.tensor_or_none(node.input(2));
  if (!weight || weight->dim() != 2 || !bias) return std::nullopt;
  return LinearFacts{.weight = *weight, .bias = *bias};
}

// Of (x, groups, weight, bias, epsilon, ...).
MaybeOp read_group_norm(const Node& node, const GraphConstants& constants) {
  const std::optional<std::int64_t> groups = constants.integer(node.input(1));
  const std::optional<at::Tensor> weight = constants.tensor_or_none(node.input(2));
  const std::optional<at::Tensor> bias = constants.tensor_or_none(node.input(3));
  const std::optional<double> epsilon = constants.number(node.input(4));
  if (!groups || !weight || !bias || !epsilon) return std::nullopt;
  return GroupNormFacts{.groups = *groups,
                        .weight = *weight,
                        .bias = *bias,
                        .epsilon = *epsilon,
                        .has_silu = calls(node, kGroupNormSilu)};
}

// Of (q, k, v, mask, dropout, is_causal, scale, enable_gqa).
MaybeOp read_attention(const Node& node, const GraphConstants& constants) {
  const bool is_plain = constants.is_none(node.input(3)) && constants.number(node.input(4)) == 0 &&
                        constants.is_false(node.input(5)) && constants.is_none(node.input(6)) &&
                        constants.is_false(node.input(7));
  return is_plain ? MaybeOp(AttentionFacts()) : std::nullopt;
}

// Of (x, size, scales).
MaybeOp read_upsample(const Node& node, const GraphConstants& constants) {
  if (node.inputs().size() != 3 || !constants.is_none(node.input(1))) return std::nullopt;
  const bool doubles = constants.numbers(node.input(2)) == std::vector<double>{2, 2};
  return doubles ? MaybeOp(DoublingFacts()) : std::nullopt;
}

MaybeOp read_silu(const Node& /*node*/, const GraphConstants& /*constants*/) { return SiluFacts(); }

// Of (x, y, alpha); sums of whole numbers, such as sizes, have no third input.
MaybeOp read_sum(const Node& node, const GraphConstants& constants) {
  if (node.inputs().size() != 3) return std::nullopt;
  return constants.integer(node.input(2)) == 1 ? MaybeOp(SumFacts()) : std::nullopt;
}

// Of (x, divisor), or with a mode of rounding.
MaybeOp read_division(const Node& node, const GraphConstants& constants) {
  if (node.inputs().size() != 2) return std::nullopt;
  const std::optional<double> divisor = constants.number(node.input(1));
  return divisor ? MaybeOp(ScaleFacts{.factor = 1 / *divisor}) : std::nullopt;
}

// Of (x, p, train): nothing happens but in training.
MaybeOp read_dropout(const Node& node, const GraphConstants& constants) {
  return constants.is_false(node.input(2)) ? MaybeOp(IdleFacts()) : std::nullopt;
}

MaybeOp read_layer(const Node& node, const GraphConstants& constants) {
  const c10::intrusive_ptr<Layer> layer = layer_of(node, constants);
  return layer ? MaybeOp(layer->op()) : std::nullopt;
}

struct Pattern {
  std::string_view name;
  MaybeOp (*read)(const Node& node, const GraphConstants& constants);
};

constexpr std::array kPatterns = {
    Pattern{"aten::_convolution", read_convolution},
    Pattern{"aten::linear", read_linear},
    Pattern{"aten::group_norm", read_group_norm},
    Pattern{"aten::scaled_dot_product_attention", read_attention},
    Pattern{"aten::upsample_nearest2d", read_upsample},
    Pattern{"aten::silu", read_silu},
    Pattern{"aten::add", read_sum},
    Pattern{"aten::div", read_division},
    Pattern{"aten::dropout", read_dropout},
    Pattern{kRunLayer, read_layer},
    Pattern{kGroupNorm, read_group_norm},
    Pattern{kGroupNormSilu, read_group_norm},
};

}  // namespace

bool ConvolutionFacts::keeps_size() const {
  const std::int64_t side = weight.size(2);
  const auto all = [](const std::vector<std::int64_t>& values, std::int64_t wanted) {
    return std::ranges::all_of(values, [&](std::int64_t value) { return value == wanted; });
  };
  return side % 2 == 1 && weight.size(3) == side && all(stride, 1) && all(padding, side / 2) && all(dilation, 1);
}

std::optional<KnownOp> known_op(const Node& node, const GraphConstants& constants) {
  const std::string_view name = node.kind().toQualString();
  const auto* const pattern = std::ranges::find(kPatterns, name, &Pattern::name);
  return pattern != kPatterns.end() ? pattern->read(node, constants) : std::nullopt;
}

bool calls(const Node& node, std::string_view name) { return node.kind().toQualString() == name; }

c10::intrusive_ptr<Layer> layer_of(const Node& node, const GraphConstants& constants) {
  if (!calls(node, kRunLayer)) return {};
  const std::optional<c10::IValue> layer = constants.value(node.input(1));
  return layer ? c10::static_intrusive_pointer_cast<Layer>(layer->toCapsule()) : c10::intrusive_ptr<Layer>();
}

}  // namespace txt2img

// What is known of a TorchScript graph before it runs: constants and what the module holds.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace txt2img {

// Of a convolution over pictures.
struct ConvolutionFacts {
  at::Tensor weight{};  // (C', C / groups, kh, kw)
  at::Tensor bias{};    // (C') or undefined
  std::vector<std::int64_t> stride{};
  std::vector<std::int64_t> padding{};
  std::vector<std::int64_t> dilation{};
  std::int64_t groups = 1;

  // Whether the result has the size of the input: stride 1, odd square kernel, padding of half of it.
  [[nodiscard]] bool keeps_size() const;
};

// Reads values of an inlined graph whose first input is the module.
class GraphConstants {
 public:
  GraphConstants(const torch::jit::Module& module, const torch::jit::Graph& graph)
      : module_(&module), self_(graph.inputs()[0]) {}

  // A constant, or what the module holds; nothing where it is computed.
  [[nodiscard]] std::optional<c10::IValue> value(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<at::Tensor> tensor(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<double> number(const torch::jit::Value* value) const;  // or a tensor of one, as in traces
  [[nodiscard]] std::optional<std::vector<double>> numbers(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const torch::jit::Value* value) const;
  [[nodiscard]] bool is_none(const torch::jit::Value* value) const;
  [[nodiscard]] bool is_false(const torch::jit::Value* value) const;

  // Of an aten::_convolution with a known weight (4 sides) and bias that is not transposed.
  [[nodiscard]] std::optional<ConvolutionFacts> convolution(const torch::jit::Node& node) const;

 private:
  const torch::jit::Module* module_;
  const torch::jit::Value* self_;
};

}  // namespace txt2img

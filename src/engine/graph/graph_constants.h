// What is known of a TorchScript graph before it runs: constants and what the module holds.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace txt2img {

// Reads values of an inlined graph whose first input is the module.
class GraphConstants {
 public:
  // `layers` are what the graph's last inputs will be in every call.
  GraphConstants(const torch::jit::Module& module, const torch::jit::Graph& graph,
                 const std::vector<c10::IValue>& layers = {});

  // From now on `input` of the graph is known to be `layer` in every call.
  void add_layer(const torch::jit::Value* input, const c10::IValue& layer) { inputs_.emplace(input, layer); }

  // A constant, or what the module holds; nothing where it is computed.
  [[nodiscard]] std::optional<c10::IValue> value(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<at::Tensor> tensor(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<double> number(const torch::jit::Value* value) const;  // or a tensor of one, as in traces
  [[nodiscard]] std::optional<std::vector<double>> numbers(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const torch::jit::Value* value) const;
  [[nodiscard]] std::optional<at::Tensor> tensor_or_none(const torch::jit::Value* value) const;  // undefined: None
  [[nodiscard]] bool is_none(const torch::jit::Value* value) const;
  [[nodiscard]] bool is_false(const torch::jit::Value* value) const;

 private:
  std::unordered_map<const torch::jit::Value*, c10::IValue> inputs_;  // the module, the layers
};

}  // namespace txt2img

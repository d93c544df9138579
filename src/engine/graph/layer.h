// A layer of our own in a module's graph.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include "graph/op_facts.h"

namespace txt2img {

class Layer : public torch::CustomClassHolder {
 public:
  [[nodiscard]] virtual at::Tensor operator()(const at::Tensor& x) = 0;

  // The operator whose place it has taken.
  [[nodiscard]] virtual KnownOp op() const = 0;
};

}  // namespace txt2img

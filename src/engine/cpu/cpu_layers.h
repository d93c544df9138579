// Layers of a module on the CPU that keep their weights as the kernels read them fastest.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/ScalarType.h>

#include "graph/graph_constants.h"
#include "txt2img/switches.h"

namespace txt2img {

// Packs its weights when it is first called; the pages of the file that they came from are released then.
class CpuLayer : public torch::CustomClassHolder {
 public:
  [[nodiscard]] virtual at::Tensor operator()(const at::Tensor& x) = 0;
};

// Levers that are on and for which this processor has kernels in this precision.
CpuLevers usable_cpu_levers(c10::ScalarType dtype);

// Null where no lever is for it. Weights may be of another precision than `dtype`, in which it works.
c10::intrusive_ptr<CpuLayer> make_convolution(const ConvolutionFacts& facts, c10::ScalarType dtype, CpuLevers levers);

// weight (C', C); `bias` (C') or undefined.
c10::intrusive_ptr<CpuLayer> make_linear(const at::Tensor& weight, const at::Tensor& bias, c10::ScalarType dtype,
                                         CpuLevers levers);

}  // namespace txt2img

// Layers of a module on the CPU that keep their weights as the kernels read them fastest.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/intrusive_ptr.h>

#include "graph/layer.h"
#include "graph/op_facts.h"
#include "txt2img/switches.h"

namespace txt2img {

// Switches that are on and for which this processor has kernels in this precision.
CpuSwitches usable_switches(CpuSwitches switches, c10::ScalarType dtype);

// Layers that work in `dtype`; their weights may be of another precision. They are packed when the layer is first
// called, and the pages of the file that they came from are released then. Null where no switch is for it.
c10::intrusive_ptr<Layer> make_convolution(const ConvolutionFacts& facts, c10::ScalarType dtype, CpuSwitches switches);
c10::intrusive_ptr<Layer> make_linear(const LinearFacts& facts, c10::ScalarType dtype, CpuSwitches switches);

}  // namespace txt2img

#include "cpu/cpu_layers.h"

#include <ATen/Version.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/linear.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpu/cpu_product.h"
#include "cpu/winograd.h"
#include "graph/mapped_module.h"

namespace txt2img {
namespace {

// Which convolution takes which path follows from docs/performance.md, "What the parts bring".

// Of a picture; with fewer tiles the weights are most of what is read. 1280 channels at 16x16, which are 64 tiles: 39
// ms against 65 ms packed; at 8x8, with 16 tiles, packed ones take 17 ms.
constexpr std::int64_t kWinogradTilesMin = 64;
// C x C'; with more, tiles of side 4 would take too much memory: weights of 1280 x 1280 have 59 MB, 105 MB for side 2
// and 236 MB for side 4, and Winograd's are 2.5 GB of the peak of SD 1.5 as it is.
constexpr std::int64_t kWinogradWeightsMax = std::int64_t{1280} * 1024;

// PyTorch's operators on oneDNN, which have no functions of their own in its C++ interface.
at::Tensor call_onednn(const char* name, torch::jit::Stack stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(stack);
  return stack.back().toTensor();
}

bool has_onednn() { return c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""}).has_value(); }

c10::IValue no_scalars() { return c10::List<std::optional<at::Scalar>>(); }

at::Tensor cast(const at::Tensor& tensor, c10::ScalarType dtype) {
  return tensor.defined() ? tensor.to(dtype) : at::Tensor();
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

class Convolution final : public Layer {
 public:
  Convolution(ConvolutionFacts facts, c10::ScalarType dtype, CpuSwitches switches)
      : facts_(std::move(facts)), dtype_(dtype), switches_(switches), bias_(cast(facts_.bias, dtype)) {}

  at::Tensor operator()(const at::Tensor& x) override {
    if (x.dim() == 4 && x.scalar_type() == dtype_) {
      if (switches_.winograd && suits_winograd(x)) return winograd_convolution(x, winograd_weights(), bias_);
      if (switches_.packed) return run_packed(x.contiguous(at::MemoryFormat::ChannelsLast));
    }
    return at::convolution(x, facts_.weight.to(dtype_), optional(bias_), facts_.stride, facts_.padding, facts_.dilation,
                           /*transposed=*/false, /*output_padding=*/{0, 0}, facts_.groups);
  }

  [[nodiscard]] KnownOp op() const override { return facts_; }

 private:
  [[nodiscard]] bool suits_winograd(const at::Tensor& x) const {
    const at::Tensor& weight = facts_.weight;
    const std::int64_t tiles = x.size(2) * x.size(3) / (winograd_side() * winograd_side());
    return facts_.groups == 1 && weight.size(2) == 3 && facts_.keeps_size() && weight.size(0) % kLanes == 0 &&
           weight.size(1) % kLanes == 0 && tiles >= kWinogradTilesMin;
  }

  [[nodiscard]] std::int64_t winograd_side() const {
    const bool is_large = facts_.weight.size(0) * facts_.weight.size(1) > kWinogradWeightsMax;
    return is_large || dtype_ != at::kFloat ? 2 : 4;
  }

  const WinogradWeight& winograd_weights() {
    if (!winograd_.values.defined()) {
      winograd_ = winograd_weight(facts_.weight, winograd_side(), dtype_);
      release_pages(facts_.weight);
    }
    return winograd_;
  }

  at::Tensor run_packed(const at::Tensor& x) {
    if (!packed_.defined()) {
      packed_ = call_onednn(
          "mkldnn::_reorder_convolution_weight",
          {facts_.weight.to(dtype_), facts_.padding, facts_.stride, facts_.dilation, facts_.groups, x.sizes().vec()});
      release_pages(facts_.weight);
    }
    return call_onednn("mkldnn::_convolution_pointwise", {x, packed_, optional(bias_), facts_.padding, facts_.stride,
                                                          facts_.dilation, facts_.groups, "none", no_scalars(), ""});
  }

  ConvolutionFacts facts_;
  c10::ScalarType dtype_;
  CpuSwitches switches_;
  at::Tensor bias_;
  WinogradWeight winograd_{};
  at::Tensor packed_{};
};

class Linear final : public Layer {
 public:
  Linear(LinearFacts facts, c10::ScalarType dtype)
      : facts_(std::move(facts)), dtype_(dtype), bias_(cast(facts_.bias, dtype)) {}

  at::Tensor operator()(const at::Tensor& x) override {
    if (x.scalar_type() != dtype_ || x.dim() < 2) return at::linear(x, facts_.weight.to(dtype_), optional(bias_));
    if (!packed_.defined()) {
      packed_ = call_onednn("mkldnn::_reorder_linear_weight", {facts_.weight.to(dtype_), c10::IValue()});
      release_pages(facts_.weight);
    }
    return call_onednn("mkldnn::_linear_pointwise", {x, packed_, optional(bias_), "none", no_scalars(), ""});
  }

  [[nodiscard]] KnownOp op() const override { return facts_; }

 private:
  LinearFacts facts_;
  c10::ScalarType dtype_;
  at::Tensor bias_;
  at::Tensor packed_{};
};

}  // namespace

CpuSwitches usable_switches(CpuSwitches switches, c10::ScalarType dtype) {
  // oneDNN has kernels for half the precision only where the processor has wide registers.
  const bool has_half = at::get_cpu_capability().starts_with("AVX512");
  switches.winograd = switches.winograd && (dtype == at::kFloat || has_cpu_product(dtype));
  switches.attention = switches.attention && has_cpu_product(dtype);
  switches.packed = switches.packed && has_onednn() && (dtype == at::kFloat || (dtype == at::kBFloat16 && has_half));
  return switches;
}

c10::intrusive_ptr<Layer> make_convolution(const ConvolutionFacts& facts, c10::ScalarType dtype, CpuSwitches switches) {
  if (!switches.packed && !switches.winograd) return {};
  return c10::make_intrusive<Convolution>(facts, dtype, switches);
}

c10::intrusive_ptr<Layer> make_linear(const LinearFacts& facts, c10::ScalarType dtype, CpuSwitches switches) {
  if (!switches.packed) return {};
  return c10::make_intrusive<Linear>(facts, dtype);
}

}  // namespace txt2img

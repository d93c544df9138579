// Operators that we know how to do in another way, with what is known of them before they run.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>
#include <vector>

namespace txt2img {

// A convolution over pictures.
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

struct LinearFacts {
  at::Tensor weight{};  // (C', C)
  at::Tensor bias{};    // (C') or undefined
};

struct GroupNormFacts {
  std::int64_t groups = 1;
  at::Tensor weight{};  // (C) or undefined
  at::Tensor bias{};    // (C) or undefined
  double epsilon = 1e-5;
  bool has_silu = false;  // after it, in the same node
};

struct AttentionFacts {};  // softmax(q k^T / sqrt(d)) v, without a mask
struct DoublingFacts {};   // of both sides of pictures: each pixel becomes four
struct SiluFacts {};
struct SumFacts {};  // x + y

struct ScaleFacts {
  double factor = 1;
};

struct IdleFacts {};  // gives its input

using KnownOp = std::variant<ConvolutionFacts, LinearFacts, GroupNormFacts, AttentionFacts, DoublingFacts, SiluFacts,
                             SumFacts, ScaleFacts, IdleFacts>;

}  // namespace txt2img

// A network, or the end of one, made of operators that look at a neighbourhood only: what can be run tile by tile.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace txt2img {

struct TiledOp {
  // kConvolution has stride 1, odd kernels and as much padding as keeps the size; kUpsample doubles both sides.
  enum class Kind { kConvolution, kGroupNorm, kSilu, kAdd, kScale, kUpsample };

  Kind kind{};
  std::vector<std::size_t> inputs{};  // values: 0 is the network's input, i + 1 is what operator i gives
  at::Tensor weight{};                // kConvolution (C', C, k, k), kGroupNorm (C)
  at::Tensor bias{};                  // undefined: none
  std::function<at::Tensor(const at::Tensor& x)> convolve{};  // kConvolution: what to call, if not conv2d
  std::int64_t groups = 0;                                    // kGroupNorm
  double eps = 0;                                             // kGroupNorm
  bool has_silu = false;                                      // kGroupNorm: after it
  double factor = 1;                                          // kScale
};

using TiledOps = std::vector<TiledOp>;

// x (N, C, h, w) -> what the operators give on the whole of x, but for rounding: tiles overlap by as much as the
// operators see, and a group norm has the moments of the whole tensor, which passes over the tiles before it collect.
// Needs half of the memory or less, and about one and a half times to twice as long. `tile`: side of a tile's result.
at::Tensor run_tiled(const TiledOps& ops, at::Tensor x, std::int64_t tile);

// The most numbers that are alive at once when the operators run on the whole of x (N, C, h, w), with the copy that a
// convolution makes of its input and its output.
std::int64_t peak_numel(const TiledOps& ops, at::IntArrayRef sizes);

}  // namespace txt2img

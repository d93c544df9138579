#include "cpu/winograd.h"

#include <ATen/Parallel.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>

#include "cpu/cpu_product.h"
#include "cpu/vector_kernels.h"

namespace txt2img {
namespace {

constexpr std::int64_t kTilesAtOnce = 128;  // enough rows for a fast matrix product, few enough for the caches
constexpr std::int64_t kTilesMin = 8;       // worth the start of a thread
constexpr std::int64_t kBlockMax = 64;      // columns of the weights in bfloat16 that are multiplied at once

// The paper's G.
at::Tensor kernel_transform(std::int64_t side) {
  if (side == 2) return at::tensor({1., 0., 0., .5, .5, .5, .5, -.5, .5, 0., 0., 1.}, at::kDouble).view({4, 3});
  return at::tensor({1. / 4, 0., 0., -1. / 6, -1. / 6, -1. / 6, -1. / 6, 1. / 6, -1. / 6, 1. / 24, 1. / 12, 1. / 6,
                     1. / 24, -1. / 12, 1. / 6, 0., 0., 1.},
                    at::kDouble)
      .view({6, 3});
}

// How pictures are cut into tiles, and how many of them are worked on at once.
struct Plan {
  std::int64_t pictures, height, width, in, out, side;

  [[nodiscard]] std::int64_t rows() const { return (height + side - 1) / side; }
  [[nodiscard]] std::int64_t columns() const { return (width + side - 1) / side; }
  [[nodiscard]] std::int64_t tiles() const { return pictures * rows() * columns(); }
  [[nodiscard]] std::int64_t chunk() const { return std::min(kTilesAtOnce, tiles()); }
  [[nodiscard]] std::int64_t chunks() const { return (tiles() + chunk() - 1) / chunk(); }
  [[nodiscard]] std::int64_t products() const { return (side + 2) * (side + 2); }

  [[nodiscard]] Place place_of(std::int64_t tile) const {
    return {.row = tile / columns() % rows() * side, .column = tile % columns() * side};
  }

  // The picture that the tile is of, among `all`.
  template <typename T>
  [[nodiscard]] Pixels<T> picture_of(std::int64_t tile, T* all, std::int64_t channels) const {
    return {all + tile / (rows() * columns()) * height * width * channels, height, width, channels};
  }
};

struct Tiles {
  std::int64_t first = 0, end = 0;
};

template <typename Work>
void for_each(Tiles tiles, const Work& work) {
  at::parallel_for(tiles.first, tiles.end, kTilesMin, [&](std::int64_t tile, std::int64_t end) {
    for (; tile < end; ++tile) work(tile);
  });
}

template <typename T>
void read_tiles(const Plan& plan, Tiles tiles, const TileKernels<T>& kernels, const at::Tensor& x,
                at::Tensor& patches) {
  const auto* const pixels = x.const_data_ptr<T>();
  auto* const first_patch = patches.mutable_data_ptr<T>();
  for_each(tiles, [&](std::int64_t tile) {
    kernels.read(plan.picture_of(tile, pixels, plan.in), plan.place_of(tile),
                 first_patch + (tile - tiles.first) * plan.in, plan.chunk() * plan.in);
  });
}

template <typename T>
void write_tiles(const Plan& plan, Tiles tiles, const TileKernels<T>& kernels, const at::Tensor& sums,
                 const at::Tensor& bias, at::Tensor& y) {
  const auto* const first_sum = sums.const_data_ptr<float>();
  const T* const shift = bias.defined() ? bias.const_data_ptr<T>() : nullptr;
  auto* const pixels = y.mutable_data_ptr<T>();
  for_each(tiles, [&](std::int64_t tile) {
    kernels.write(first_sum + (tile - tiles.first) * plan.out, plan.chunk() * plan.out, shift, plan.place_of(tile),
                  plan.picture_of(tile, pixels, plan.out));
  });
}

// Each of the products, (k, rows, C) by weight -> sums (k, rows, C').
void multiply_all(const at::Tensor& patches, const WinogradWeight& weight, at::Tensor& sums) {
  if (patches.scalar_type() == at::kFloat) {
    at::bmm_out(sums, patches, weight.values);
    return;
  }
  const std::int64_t blocks = weight.values.size(1), width = weight.values.size(3);
  const std::int64_t rows = patches.size(1), in = patches.size(2), out = sums.size(2);
  at::parallel_for(0, patches.size(0) * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      multiply({rows, width, in, in, width, out, /*adds=*/false},
               patches.const_data_ptr<at::BFloat16>() + i / blocks * rows * in,
               weight.values.const_data_ptr<at::BFloat16>() + i * in * width,
               sums.mutable_data_ptr<float>() + i / blocks * rows * out + i % blocks * width);
    }
    end_products();
  });
}

// (k, C, C') -> blocks of columns, each as pairs of rows: (k, C' / width, C / 2, width, 2).
at::Tensor in_blocks(const at::Tensor& weight) {
  const std::int64_t width = std::gcd(weight.size(2), kBlockMax);
  return weight.to(at::kBFloat16)
      .reshape({weight.size(0), weight.size(1) / 2, 2, weight.size(2) / width, width})
      .permute({0, 3, 1, 4, 2})
      .contiguous();
}

template <typename T>
at::Tensor convolve(const at::Tensor& x, const WinogradWeight& weight, const at::Tensor& bias,
                    const TileKernels<T>& kernels) {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  const Plan plan = {x.size(0), x.size(2), x.size(3), x.size(1), weight.out, weight.side};
  at::Tensor y =
      at::empty({plan.pictures, plan.out, plan.height, plan.width}, input.options(), at::MemoryFormat::ChannelsLast);
  // Threads share the chunks, or where there is one, its tiles: what is parallel within parallel work runs on one
  // thread.
  at::parallel_for(0, plan.chunks(), 1, [&](std::int64_t begin, std::int64_t end) {
    at::Tensor patches = at::empty({plan.products(), plan.chunk(), plan.in}, input.options());
    at::Tensor sums = at::empty({plan.products(), plan.chunk(), plan.out}, input.options().dtype(at::kFloat));
    for (std::int64_t i = begin; i < end; ++i) {
      const Tiles tiles = {.first = i * plan.chunk(), .end = std::min((i + 1) * plan.chunk(), plan.tiles())};
      read_tiles<T>(plan, tiles, kernels, input, patches);
      multiply_all(patches, weight, sums);
      write_tiles<T>(plan, tiles, kernels, sums, bias, y);
    }
  });
  return y;
}

}  // namespace

WinogradWeight winograd_weight(const at::Tensor& weight, std::int64_t side, c10::ScalarType dtype) {
  const at::Tensor g = kernel_transform(side);
  const at::Tensor transform = at::kron(g, g).to(at::kFloat);  // (products, 9)
  const std::int64_t out = weight.size(0);
  const std::int64_t in = weight.size(1);
  const at::Tensor kernels = weight.to(at::kFloat).permute({2, 3, 1, 0}).reshape({9, in * out});
  const at::Tensor values = transform.matmul(kernels).view({-1, in, out});
  return {.side = side, .out = out, .values = dtype == at::kFloat ? values : in_blocks(values)};
}

at::Tensor winograd_convolution(const at::Tensor& x, const WinogradWeight& weight, const at::Tensor& bias,
                                const VectorKernels& kernels) {
  if (x.scalar_type() == at::kBFloat16) return convolve(x, weight, bias, kernels.half_tiles_of_2);
  return convolve(x, weight, bias, weight.side == 2 ? kernels.tiles_of_2 : kernels.tiles_of_4);
}

}  // namespace txt2img

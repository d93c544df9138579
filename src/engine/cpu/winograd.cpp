#include "cpu/winograd.h"

#include <ATen/Parallel.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "cpu/cpu_product.h"
#include "cpu/vectors.h"

namespace txt2img {
namespace {

constexpr std::int64_t kTilesAtOnce = 128;  // enough rows for a fast matrix product, few enough for the caches
constexpr std::int64_t kTilesMin = 8;       // worth the start of a thread
constexpr std::int64_t kBlockMax = 64;      // columns of the weights in bfloat16 that are multiplied at once

// Every `stride`th of some vectors.
struct Line {
  Lanes* first;
  std::int64_t stride;

  Lanes& operator[](std::int64_t i) const { return first[i * stride]; }
};

// The paper's G, and its B^T and A^T as they change a line in place, for tiles of Side x Side.
template <std::int64_t Side>
struct Transform;

template <>
struct Transform<2> {
  static at::Tensor g() { return at::tensor({1., 0., 0., .5, .5, .5, .5, -.5, .5, 0., 0., 1.}, at::kDouble); }

  [[gnu::always_inline]] static void patch_line(Line d) {
    const Lanes a = d[1] + d[2];
    const Lanes b = d[2] - d[1];
    d[0] = d[0] - d[2];
    d[3] = d[1] - d[3];
    d[1] = a;
    d[2] = b;
  }

  [[gnu::always_inline]] static void product_line(Line m) {
    m[0] = m[0] + m[1] + m[2];
    m[1] = m[1] - m[2] - m[3];
  }
};

template <>
struct Transform<4> {
  static at::Tensor g() {
    return at::tensor({1. / 4, 0., 0., -1. / 6, -1. / 6, -1. / 6, -1. / 6, 1. / 6, -1. / 6, 1. / 24, 1. / 12, 1. / 6,
                       1. / 24, -1. / 12, 1. / 6, 0., 0., 1.},
                      at::kDouble);
  }

  [[gnu::always_inline]] static void patch_line(Line d) {
    const Lanes a = d[4] - 4 * d[2];
    const Lanes b = d[3] - 4 * d[1];
    const Lanes c = d[4] - d[2];
    const Lanes e = 2 * (d[3] - d[1]);
    d[0] = 4 * d[0] - 5 * d[2] + d[4];
    d[5] = 4 * d[1] - 5 * d[3] + d[5];
    d[1] = a + b;
    d[2] = a - b;
    d[3] = c + e;
    d[4] = c - e;
  }

  [[gnu::always_inline]] static void product_line(Line m) {
    const Lanes a = m[1] + m[2];
    const Lanes b = m[1] - m[2];
    const Lanes c = m[3] + m[4];
    const Lanes e = m[3] - m[4];
    m[0] = m[0] + a + c;
    m[1] = b + 2 * e;
    m[2] = a + 4 * c;
    m[3] = b + 8 * e + m[5];
  }
};

struct Place {
  std::int64_t row = 0, column = 0;  // of a tile's first pixel
};

// One picture's pixels, channels last.
template <typename T>
struct Pixels {
  T* data;
  std::int64_t height, width, channels;

  [[nodiscard]] bool has(std::int64_t row, std::int64_t column) const {
    return row >= 0 && row < height && column >= 0 && column < width;
  }
  [[nodiscard]] T* at(std::int64_t row, std::int64_t column) const { return data + (row * width + column) * channels; }
};

// Patch of x -> products[i * stride ...].
template <std::int64_t Side, typename T>
[[gnu::always_inline]] inline void read_patch(const Pixels<const T>& x, Place place, T* products, std::int64_t stride) {
  constexpr std::int64_t kPatch = Side + 2;
  for (std::int64_t channel = 0; channel < x.channels; channel += kLanes) {
    std::array<Lanes, kPatch * kPatch> d;
    for (std::int64_t i = 0; i < kPatch * kPatch; ++i) {
      const std::int64_t row = place.row - 1 + i / kPatch;
      const std::int64_t column = place.column - 1 + i % kPatch;
      d[i] = Lanes{};
      if (x.has(row, column)) load(x.at(row, column) + channel, d[i]);
    }
    for (std::int64_t i = 0; i < kPatch; ++i) Transform<Side>::patch_line({.first = &d[i], .stride = kPatch});
    for (std::int64_t i = 0; i < kPatch; ++i) Transform<Side>::patch_line({.first = &d[i * kPatch], .stride = 1});
    for (std::int64_t i = 0; i < kPatch * kPatch; ++i) store(d[i], products + i * stride + channel);
  }
}

// products[i * stride ...] -> tile of y, plus the bias if there is one.
template <std::int64_t Side, typename T>
[[gnu::always_inline]] inline void write_sums(const float* products, std::int64_t stride, const T* bias, Place place,
                                              const Pixels<T>& y) {
  constexpr std::int64_t kPatch = Side + 2;
  for (std::int64_t channel = 0; channel < y.channels; channel += kLanes) {
    std::array<Lanes, kPatch * kPatch> m;
    for (std::int64_t i = 0; i < kPatch * kPatch; ++i) load(products + i * stride + channel, m[i]);
    for (std::int64_t i = 0; i < kPatch; ++i) Transform<Side>::product_line({.first = &m[i], .stride = kPatch});
    for (std::int64_t i = 0; i < Side; ++i) Transform<Side>::product_line({.first = &m[i * kPatch], .stride = 1});
    Lanes shift{};
    if (bias != nullptr) load(bias + channel, shift);
    for (std::int64_t i = 0; i < Side; ++i) {
      for (std::int64_t j = 0; j < Side; ++j) {
        if (y.has(place.row + i, place.column + j))
          store(m[i * kPatch + j] + shift, y.at(place.row + i, place.column + j) + channel);
      }
    }
  }
}

// Templates cannot be compiled for several instruction sets. In bfloat16 the side is 2.
TXT2IMG_VECTORISED
void read_tile(std::int64_t side, const Pixels<const float>& x, Place place, float* products, std::int64_t stride) {
  side == 2 ? read_patch<2>(x, place, products, stride) : read_patch<4>(x, place, products, stride);
}

TXT2IMG_VECTORISED
void read_tile(std::int64_t, const Pixels<const at::BFloat16>& x, Place place, at::BFloat16* products,
               std::int64_t stride) {
  read_patch<2>(x, place, products, stride);
}

TXT2IMG_VECTORISED
void write_tile(std::int64_t side, const float* products, std::int64_t stride, const float* bias, Place place,
                const Pixels<float>& y) {
  side == 2 ? write_sums<2>(products, stride, bias, place, y) : write_sums<4>(products, stride, bias, place, y);
}

TXT2IMG_VECTORISED
void write_tile(std::int64_t, const float* products, std::int64_t stride, const at::BFloat16* bias, Place place,
                const Pixels<at::BFloat16>& y) {
  write_sums<2>(products, stride, bias, place, y);
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
at::Tensor convolve(const at::Tensor& x, const WinogradWeight& weight, const at::Tensor& bias) {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  const std::int64_t height = x.size(2), width = x.size(3), in = x.size(1), out = weight.out;
  const std::int64_t side = weight.side, products = (side + 2) * (side + 2);
  const std::int64_t rows = (height + side - 1) / side, columns = (width + side - 1) / side;
  const std::int64_t tiles = x.size(0) * rows * columns;
  const std::int64_t chunk = std::min(kTilesAtOnce, tiles);
  at::Tensor y = at::empty({x.size(0), out, height, width}, input.options(), at::MemoryFormat::ChannelsLast);
  const auto* const pixels = input.const_data_ptr<T>();
  auto* const result = y.mutable_data_ptr<T>();
  const auto* const shift = bias.defined() ? bias.const_data_ptr<T>() : nullptr;
  const auto place_of = [&](std::int64_t tile) {
    return Place{.row = tile / columns % rows * side, .column = tile % columns * side};
  };
  const auto picture_of = [&](std::int64_t tile) { return tile / (rows * columns) * height * width; };

  // Threads share the chunks, or where there is one, its tiles.
  at::parallel_for(0, (tiles + chunk - 1) / chunk, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor patches = at::empty({products, chunk, in}, input.options());
    at::Tensor sums = at::empty({products, chunk, out}, input.options().dtype(at::kFloat));
    for (std::int64_t first = begin * chunk; first < std::min(tiles, end * chunk); first += chunk) {
      const auto for_each_tile = [&](const auto& work) {
        at::parallel_for(first, std::min(first + chunk, tiles), kTilesMin, [&](std::int64_t tile, std::int64_t last) {
          for (; tile < last; ++tile) work(tile);
        });
      };
      for_each_tile([&](std::int64_t tile) {
        read_tile(side, {pixels + picture_of(tile) * in, height, width, in}, place_of(tile),
                  patches.mutable_data_ptr<T>() + (tile - first) * in, chunk * in);
      });
      multiply_all(patches, weight, sums);
      for_each_tile([&](std::int64_t tile) {
        write_tile(side, sums.const_data_ptr<float>() + (tile - first) * out, chunk * out, shift, place_of(tile),
                   {result + picture_of(tile) * out, height, width, out});
      });
    }
  });
  return y;
}

}  // namespace

WinogradWeight winograd_weight(const at::Tensor& weight, std::int64_t side, c10::ScalarType dtype) {
  const at::Tensor g = (side == 2 ? Transform<2>::g() : Transform<4>::g()).view({side + 2, 3});
  const at::Tensor transform = at::kron(g, g).to(at::kFloat);  // (products, 9)
  const std::int64_t out = weight.size(0);
  const std::int64_t in = weight.size(1);
  const at::Tensor kernels = weight.to(at::kFloat).permute({2, 3, 1, 0}).reshape({9, in * out});
  const at::Tensor values = transform.matmul(kernels).view({-1, in, out});
  return {.side = side, .out = out, .values = dtype == at::kFloat ? values : in_blocks(values)};
}

at::Tensor winograd_convolution(const at::Tensor& x, const WinogradWeight& weight, const at::Tensor& bias) {
  return x.scalar_type() == at::kFloat ? convolve<float>(x, weight, bias) : convolve<at::BFloat16>(x, weight, bias);
}

}  // namespace txt2img

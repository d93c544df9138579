// The loops of our own operators over numbers, compiled for several instruction sets: a table of functions for each.
//
// vector_kernels.inc has the code, on vectors of kLanes numbers that the compiler splits where registers are narrower.
// vector_kernels.cpp includes it once for every set, in a namespace and with the compiler's target of that set; what
// else the code uses is included before, for the set that every processor has. A table is chosen when the program runs.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace txt2img {

constexpr std::int64_t kLanes = 16;

// A tile's first pixel.
struct Place {
  std::int64_t row = 0, column = 0;
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

// Winograd's transforms of the paper that winograd.h names, for tiles of one side; channels are multiples of kLanes.
// Both move more bytes than they calculate: at best as fast as the cache that holds a chunk of tiles.
template <typename T>
struct TileKernels {
  // Patch of x at `place` -> patches[i * stride ...].
  void (*read)(const Pixels<const T>& x, Place place, T* patches, std::int64_t stride);
  // products[i * stride ...] -> tile of y, plus the bias if there is one.
  void (*write)(const float* products, std::int64_t stride, const T* bias, Place place, const Pixels<T>& y);
};

// What is known of a row of scores so far, of which softmax(scores) is computed.
struct SoftmaxRow {
  float largest = -std::numeric_limits<float>::infinity();
  float sum = 0;
};

struct VectorKernels {
  std::string_view name;
  TileKernels<float> tiles_of_2, tiles_of_4;
  TileKernels<c10::BFloat16> half_tiles_of_2;
  // Scores (a multiple of kLanes) become their exponentials, less the largest score so far; returns the factor by which
  // what was summed up before shrinks.
  float (*soften)(float* scores, std::int64_t count, float scale, SoftmaxRow& row);
  // To the nearest, halves to even.
  void (*narrow)(const float* from, std::int64_t count, c10::BFloat16* to);
};

// Those that this processor can run, the fastest first. The last one is for every processor.
std::span<const VectorKernels> vector_kernels();

inline const VectorKernels& best_kernels() { return vector_kernels().front(); }

}  // namespace txt2img

#include "cpu/cpu_attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "cpu/cpu_product.h"
#include "cpu/vector_kernels.h"

namespace txt2img {

namespace {

constexpr std::int64_t kQueries = 64;  // rows and columns of a block of scores: with keys and values a few 100 KB
constexpr std::int64_t kKeys = 512;

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

// (N, heads, S, d) -> (N, heads, blocks, d, kKeys), or for bfloat16 (..., d / 2, kKeys, 2); missing keys are zero.
at::Tensor pack_keys(const at::Tensor& k) {
  const std::int64_t width = k.size(3);
  const std::int64_t size = round_up(k.size(2), kKeys);
  const at::Tensor padded = size == k.size(2) ? k : at::constant_pad_nd(k, {0, 0, 0, size - k.size(2)});
  const at::Tensor blocks = padded.reshape({k.size(0), k.size(1), size / kKeys, kKeys, width}).transpose(3, 4);
  if (k.scalar_type() == at::kFloat) return blocks.contiguous();
  return blocks.unflatten(3, {width / 2, 2}).transpose(4, 5).contiguous();
}

// (N, heads, S, d) -> the same, or for bfloat16 (N, heads, S / 2, d, 2); missing values are zero.
at::Tensor pack_values(const at::Tensor& v) {
  if (v.scalar_type() == at::kFloat) return v.contiguous();
  const std::int64_t missing = v.size(2) % 2;
  const at::Tensor padded = missing == 0 ? v : at::constant_pad_nd(v, {0, 0, 0, missing});
  return padded.unflatten(2, {-1, 2}).transpose(3, 4).contiguous();
}

// Attention of one block of queries of one head.
template <typename T>
class Block {
 public:
  Block(std::int64_t width, std::int64_t keys, const VectorKernels& kernels)
      : kernels_(&kernels),
        width_(width),
        keys_(keys),
        scale_(1.0F / std::sqrt(static_cast<float>(width))),
        scores_(static_cast<std::size_t>(kQueries * kKeys)),
        weights_(std::is_same_v<T, float> ? 0 : scores_.size()),
        sums_(static_cast<std::size_t>(kQueries * width)) {}

  // q: `count` rows of the width, each `stride` after the other; result `y` likewise.
  void run(const T* q, std::int64_t stride, std::int64_t count, const T* keys, const T* values, T* y,
           std::int64_t y_stride) {
    std::array<SoftmaxRow, kQueries> rows{};
    for (std::int64_t first = 0; first < keys_; first += kKeys) {
      const std::int64_t size = std::min(kKeys, keys_ - first);
      multiply({count, size, width_, stride, kKeys, kKeys, false}, q, keys + first * width_, scores_.data());
      for (std::int64_t i = 0; i < count; ++i) weigh(i, size, first == 0, rows[i]);
      const std::int64_t depth = std::is_same_v<T, float> ? size : round_up(size, 2);
      multiply({count, width_, depth, kKeys, width_, width_, first > 0}, weights(), values + first * width_,
               sums_.data());
    }
    for (std::int64_t i = 0; i < count; ++i) write(i, rows[i].sum, y + i * y_stride);
  }

 private:
  // One row of scores becomes weights, and the row of sums shrinks.
  void weigh(std::int64_t i, std::int64_t size, bool is_first, SoftmaxRow& row) {
    float* const scores = scores_.data() + i * kKeys;
    const std::int64_t whole = round_up(size, kLanes);
    std::fill(scores + size, scores + whole, -std::numeric_limits<float>::infinity());
    const float shrink = kernels_->soften(scores, whole, scale_, row);
    if (!weights_.empty()) kernels_->narrow(scores, whole, weights_.data() + i * kKeys);
    if (is_first || shrink == 1) return;
    for (std::int64_t j = 0; j < width_; ++j) sums_[static_cast<std::size_t>(i * width_ + j)] *= shrink;
  }

  [[nodiscard]] const T* weights() const {
    if constexpr (std::is_same_v<T, float>) {
      return scores_.data();
    } else {
      return weights_.data();
    }
  }

  void write(std::int64_t i, float sum, T* y) const {
    for (std::int64_t j = 0; j < width_; ++j)
      y[j] = static_cast<T>(sums_[static_cast<std::size_t>(i * width_ + j)] / sum);
  }

  const VectorKernels* kernels_;
  std::int64_t width_, keys_;
  float scale_;
  std::vector<float> scores_;
  std::vector<at::BFloat16> weights_;  // of bfloat16
  std::vector<float> sums_;
};

template <typename T>
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const VectorKernels& kernels) {
  const std::int64_t pictures = q.size(0), heads = q.size(1), queries = q.size(2), width = q.size(3);
  const at::Tensor packed_keys = pack_keys(k);
  const at::Tensor packed_values = pack_values(v);
  const at::Tensor rows = q.stride(3) == 1 ? q : q.contiguous();
  const at::Tensor y = at::empty({pictures, queries, heads, width}, q.options()).transpose(1, 2);
  const std::int64_t key_step = packed_keys.stride(1), value_step = packed_values.stride(1);
  const std::int64_t blocks = (queries + kQueries - 1) / kQueries;

  at::parallel_for(0, pictures * heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    Block<T> block(width, k.size(2), kernels);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t head = i / blocks, first = i % blocks * kQueries;
      const auto row = [&](const at::Tensor& x) {
        return head / heads * x.stride(0) + head % heads * x.stride(1) + first * x.stride(2);
      };
      block.run(rows.const_data_ptr<T>() + row(rows), rows.stride(2), std::min(kQueries, queries - first),
                packed_keys.const_data_ptr<T>() + head * key_step,
                packed_values.const_data_ptr<T>() + head * value_step, y.mutable_data_ptr<T>() + row(y), y.stride(2));
    }
    end_products();
  });
  return y;
}

}  // namespace

at::Tensor cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const VectorKernels& kernels) {
  return q.scalar_type() == at::kFloat ? attend<float>(q, k, v, kernels) : attend<at::BFloat16>(q, k, v, kernels);
}

}  // namespace txt2img

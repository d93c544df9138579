// Products of small matrices on the thread that asks for them, by oneDNN's kernels for blocks that stay in the caches.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace txt2img {

// c (m, n) = a (m, k) b (k, n); strides are those from row to row.
struct SmallProduct {
  std::int64_t m, n, k, a_stride, b_stride, c_stride;
  bool adds;  // c += a b
};

// Whether this processor (AVX-512) and this LibTorch have them for float32, or for bfloat16.
bool has_cpu_product(c10::ScalarType dtype);

void multiply(const SmallProduct& sizes, const float* a, const float* b, float* c);
// `b` as pairs of rows, (k / 2, n, 2); k is even.
void multiply(const SmallProduct& sizes, const c10::BFloat16* a, const c10::BFloat16* b, float* c);

// To be called by a thread when its products are done: the processor's registers for them are free again.
void end_products();

}  // namespace txt2img

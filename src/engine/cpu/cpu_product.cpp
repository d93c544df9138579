#include "cpu/cpu_product.h"

#include <ATen/native/CPUBlas.h>
#include <c10/util/Exception.h>

#include <array>
#include <cstddef>

namespace txt2img {

#if defined(CPUBLAS_BRGEMM_F32F32F32) && defined(CPUBLAS_BRGEMM_BF16BF16F32)

namespace {

template <typename T>
bool try_product() {
  constexpr std::int64_t kSide = 16;
  std::array<T, std::size_t{kSide * kSide}> ones;
  ones.fill(T(1.0F));
  std::array<float, std::size_t{kSide * kSide}> sums{};
  try {
    multiply({kSide, kSide, kSide, kSide, kSide, kSide, /*adds=*/false}, ones.data(), ones.data(), sums.data());
    end_products();
    return sums.back() == kSide;
  } catch (const c10::Error&) {
    return false;
  }
}

template <typename T>
void call_onednn(const SmallProduct& sizes, const T* a, const T* b, float* c, bool in_pairs) {
  at::native::cpublas::brgemm(sizes.m, sizes.n, sizes.k, sizes.a_stride, sizes.b_stride, sizes.c_stride, sizes.adds, a,
                              b, c, in_pairs);
}

}  // namespace

bool has_cpu_product(c10::ScalarType dtype) {
  static const bool has_float = try_product<float>();
  static const bool has_bfloat16 = try_product<c10::BFloat16>();
  return dtype == c10::kFloat ? has_float : dtype == c10::kBFloat16 && has_bfloat16;
}

void multiply(const SmallProduct& sizes, const float* a, const float* b, float* c) {
  call_onednn(sizes, a, b, c, /*in_pairs=*/false);
}

void multiply(const SmallProduct& sizes, const c10::BFloat16* a, const c10::BFloat16* b, float* c) {
  call_onednn(sizes, a, b, c, /*in_pairs=*/true);
}

void end_products() { at::native::cpublas::brgemm_release(); }

#else

bool has_cpu_product(c10::ScalarType) { return false; }

void multiply(const SmallProduct&, const float*, const float*, float*) { TORCH_CHECK(false, "no small products"); }

void multiply(const SmallProduct&, const c10::BFloat16*, const c10::BFloat16*, float*) {
  TORCH_CHECK(false, "no small products");
}

void end_products() {}

#endif

}  // namespace txt2img

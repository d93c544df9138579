#include "cpu/vector_kernels.h"

#include <c10/util/BFloat16.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>

// Wide vectors are returned by functions of this file to functions of this file only.
#pragma GCC diagnostic ignored "-Wpsabi"

// The first set is the compiler's own: what is instantiated here is for every processor.
#define TXT2IMG_SET plain
#define TXT2IMG_SET_NAME "plain"
#include "cpu/vector_kernels.inc"
#undef TXT2IMG_SET
#undef TXT2IMG_SET_NAME

#if defined(__x86_64__)

#define TXT2IMG_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define TXT2IMG_BEGIN_TARGET(target_set) \
  TXT2IMG_PRAGMA(clang attribute push(__attribute__((target(target_set))), apply_to = function))
#define TXT2IMG_END_TARGET TXT2IMG_PRAGMA(clang attribute pop)
#else
#define TXT2IMG_BEGIN_TARGET(target_set) \
  TXT2IMG_PRAGMA(GCC push_options)       \
  TXT2IMG_PRAGMA(GCC target(target_set))
#define TXT2IMG_END_TARGET TXT2IMG_PRAGMA(GCC pop_options)
#endif

TXT2IMG_BEGIN_TARGET("avx2,fma")
#define TXT2IMG_SET avx2
#define TXT2IMG_SET_NAME "AVX2"
#include "cpu/vector_kernels.inc"
#undef TXT2IMG_SET
#undef TXT2IMG_SET_NAME
TXT2IMG_END_TARGET

TXT2IMG_BEGIN_TARGET("avx512f")
#define TXT2IMG_SET avx512
#define TXT2IMG_SET_NAME "AVX-512"
#include "cpu/vector_kernels.inc"
#undef TXT2IMG_SET
#undef TXT2IMG_SET_NAME
TXT2IMG_END_TARGET

#endif

namespace txt2img {

#if defined(__x86_64__)

namespace {

constexpr std::array kTables = {avx512::kKernels, avx2::kKernels, plain::kKernels};

std::size_t first_table() {
  if (__builtin_cpu_supports("avx512f")) return 0;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 2;
}

}  // namespace

std::span<const VectorKernels> vector_kernels() {
  static const std::size_t first = first_table();
  return std::span(kTables).subspan(first);
}

#else

std::span<const VectorKernels> vector_kernels() { return {&plain::kKernels, 1}; }

#endif

}  // namespace txt2img

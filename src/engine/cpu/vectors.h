// Vectors of numbers that the compiler splits where registers are narrower.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>

// A function compiled for several instruction sets, of which the loader picks the best that the machine has.
#if defined(__x86_64__) && defined(__ELF__)
#define TXT2IMG_VECTORISED __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define TXT2IMG_VECTORISED
#endif

namespace txt2img {

constexpr std::int64_t kLanes = 16;

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using ShortLanes = std::uint16_t __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));
using BitLanes = std::uint32_t __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));
using IntLanes = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// Results are not returned: without AVX-512 that would be another calling convention.
[[gnu::always_inline]] inline void load(const float* from, Lanes& x) { std::memcpy(&x, from, sizeof(Lanes)); }

[[gnu::always_inline]] inline void load(const c10::BFloat16* from, Lanes& x) {
  ShortLanes narrow;
  std::memcpy(&narrow, from, sizeof(ShortLanes));
  const BitLanes bits = __builtin_convertvector(narrow, BitLanes) << 16;
  std::memcpy(&x, &bits, sizeof(Lanes));
}

[[gnu::always_inline]] inline void store(const Lanes& x, float* to) { std::memcpy(to, &x, sizeof(Lanes)); }

// Rounded to nearest even.
[[gnu::always_inline]] inline void store(const Lanes& x, c10::BFloat16* to) {
  BitLanes bits;
  std::memcpy(&bits, &x, sizeof(Lanes));
  const ShortLanes narrow = __builtin_convertvector((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16, ShortLanes);
  std::memcpy(to, &narrow, sizeof(ShortLanes));
}

}  // namespace txt2img

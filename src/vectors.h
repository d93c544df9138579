// Vectors of numbers that the compiler splits where registers are narrower.
#pragma once

#include <cstdint>

// A function compiled for several instruction sets, of which the loader picks the best that the machine has.
#if defined(__x86_64__) && defined(__ELF__)
#define TXT2IMG_VECTORISED __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define TXT2IMG_VECTORISED
#endif

namespace txt2img {

constexpr std::int64_t kLanes = 16;

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using IntLanes = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

}  // namespace txt2img

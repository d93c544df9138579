// The largest numbers that may be asked for.
#pragma once

#include <cstdint>
#include <limits>

namespace txt2img {

inline constexpr std::uint64_t kSeedMax = std::numeric_limits<std::uint64_t>::max();  // as torch.manual_seed
inline constexpr int kStepsMax = 10000;
inline constexpr int kSizeMax = 16384;     // pixels, each way
inline constexpr int kCountMax = 1000000;  // pictures per prompt
inline constexpr double kGuidanceMax = 1000;

}  // namespace txt2img

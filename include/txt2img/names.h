// The choices that have names: samplers, schedules, devices, precisions. One table each feeds --help, --list,
// parsing and error messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "txt2img/export.h"
#include "txt2img/sampler_table.h"
#include "txt2img/schedule_table.h"

namespace txt2img {

enum class Precision { kFloat32, kBfloat16, kFloat16 };

// What was done differently after a failure, so that there is a picture all the same.
enum class Retry {
  kVaeFloat32,    // the VAE overflowed in half precision
  kVaeTiled,      // decoding ran out of memory
  kSmallerBatch,  // of several pictures in a batch one failed, or they ran out of memory
};

// What a sampler label says: "DPM++ 2M Karras" names a schedule too, "DPM++ 2M SDE Heun" a variant, "DPM++ 3M SDE" an
// order.
struct SamplerChoice {
  SamplerKind sampler{};
  std::optional<ScheduleKind> schedule{};
  std::optional<SolverType> solver_type{};
  std::optional<int> solver_order{};
};

// Our names, diffusers class names and labels of AUTOMATIC1111 and stable-diffusion.cpp; case, spaces, '-' and '_' do
// not matter. Throws Error(kUsage) with the nearest known name.
TXT2IMG_API SamplerChoice parse_sampler(std::string_view label);
TXT2IMG_API ScheduleKind parse_schedule(std::string_view label);

// "midpoint", "bh1", ... Throws Error(kUsage).
TXT2IMG_API SolverType parse_solver_type(std::string_view label);
TXT2IMG_API std::string_view name_of(SolverType type);

// "float32", "bfloat16", "float16"; fp32, bf16, fp16, half too. Throws Error(kUsage).
TXT2IMG_API Precision parse_precision(std::string_view label);
TXT2IMG_API std::string_view name_of(Precision precision);

// "vae_float32", "vae_tiled", "smaller_batch".
TXT2IMG_API std::string_view name_of(Retry retry);

}  // namespace txt2img

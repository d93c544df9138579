// The choices that have names: samplers, schedules, devices, precisions. One table each feeds --help, --list,
// parsing and error messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

enum class SamplerKind { kDdim, kEuler, kEulerAncestral, kDpmpp2m };
enum class ScheduleKind { kModel, kLinspace, kLeading, kTrailing, kKarras, kExponential };
enum class Precision { kFloat32, kBfloat16, kFloat16 };

struct SamplerInfo {
  SamplerKind kind{};
  std::string_view name;                      // ours
  std::string_view reference;                 // class name in diffusers
  std::span<const std::string_view> aliases;  // labels of other tools
  int order = 1;
  int calls_per_step = 1;  // of the UNet
  bool is_stochastic = false;
  std::string_view summary;  // one line with the paper
};

struct ScheduleInfo {
  ScheduleKind kind{};
  std::string_view name;
  std::string_view summary;
};

TXT2IMG_API std::span<const SamplerInfo> samplers();
TXT2IMG_API std::span<const ScheduleInfo> schedules();
TXT2IMG_API const SamplerInfo& info(SamplerKind kind);
TXT2IMG_API const ScheduleInfo& info(ScheduleKind kind);

// What a sampler label says: "DPM++ 2M Karras" names a schedule too.
struct SamplerChoice {
  SamplerKind sampler{};
  std::optional<ScheduleKind> schedule;
};

// Our names, diffusers class names and labels of AUTOMATIC1111 and stable-diffusion.cpp; case, spaces, '-' and '_' do
// not matter. Throws Error(kUsage) with the nearest known name.
TXT2IMG_API SamplerChoice parse_sampler(std::string_view label);
TXT2IMG_API ScheduleKind parse_schedule(std::string_view label);

// "float32", "bfloat16", "float16"; fp32, bf16, fp16, half too. Throws Error(kUsage).
TXT2IMG_API Precision parse_precision(std::string_view label);
TXT2IMG_API std::string_view name_of(Precision precision);

// The candidate with the smallest edit distance to `word`, or empty if none is near enough to be meant.
TXT2IMG_API std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace txt2img

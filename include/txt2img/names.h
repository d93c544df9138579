// The choices that have names: samplers, schedules, devices, precisions. One table each feeds --help, --list,
// parsing and error messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

enum class SamplerKind {
  kDdpm,
  kDdim,
  kPndm,
  kLms,
  kEuler,
  kEulerAncestral,
  kHeun,
  kDpm2,
  kDpm2Ancestral,
  kDpmpp2m,
  kDpmpp2mSde,
  kDpmpp2s,
  kDpmpp3m,
  kDpmppSde,
  kDeis,
  kUnipc,
  kIpndm,
  kLcm,
  kTcd,
  kEdmEuler,
  kEdmDpmpp2m,
  kSaSolver,
  kLangevin
};
enum class ScheduleKind {
  kModel,
  kLinspace,
  kLeading,
  kTrailing,
  kKarras,
  kExponential,
  kBeta,
  kLu,
  kSgmUniform,
  kSimple,
  kAys,
  kAysXl
};

// Variants of a sampler that share its name; kAuto is the sampler's own.
enum class SolverType {
  kAuto,
  kMidpoint,  // dpmpp_*
  kHeun,
  kBh1,  // unipc
  kBh2,
  kPlms,  // pndm: skip_prk_steps of the reference
  kPrk,
  kFixedSmall,  // ddpm: the variance of a step
  kFixedSmallLog,
  kFixedLarge,
  kPredictorCorrector,  // langevin
  kCorrector
};
enum class Precision { kFloat32, kBfloat16, kFloat16 };

// What was done differently after a failure, so that there is a picture all the same.
enum class Retry {
  kVaeFloat32,    // the VAE overflowed in half precision
  kVaeTiled,      // decoding ran out of memory
  kSmallerBatch,  // of several pictures in a batch one failed, or they ran out of memory
};

// How a sampler goes about a step.
enum class SamplerMethod { kOneStep, kTwoStages, kMultistep };

struct SamplerInfo {
  SamplerKind kind{};
  std::string_view name;                        // ours
  std::string_view reference;                   // class name in diffusers
  std::string_view label;                       // as AUTOMATIC1111 and its readers write it
  std::span<const std::string_view> aliases{};  // of other tools
  SamplerMethod method = SamplerMethod::kOneStep;
  int order = 1;           // of accuracy, measured (sampler_test.cpp), with its default options
  int calls_per_step = 1;  // of the UNet
  bool is_stochastic = false;
  std::string_view paper;  // arXiv number
  std::string_view summary;
};

struct ScheduleInfo {
  ScheduleKind kind{};
  std::string_view name;
  std::string_view label;  // as AUTOMATIC1111 writes it; empty: it has none
  std::string_view summary;
};

TXT2IMG_API std::span<const SamplerInfo> samplers();
TXT2IMG_API std::span<const ScheduleInfo> schedules();
TXT2IMG_API const SamplerInfo& info(SamplerKind kind);
TXT2IMG_API const ScheduleInfo& info(ScheduleKind kind);

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
TXT2IMG_API std::string_view name_of(SamplerMethod method);

// "float32", "bfloat16", "float16"; fp32, bf16, fp16, half too. Throws Error(kUsage).
TXT2IMG_API Precision parse_precision(std::string_view label);
TXT2IMG_API std::string_view name_of(Precision precision);

// "vae_float32", "vae_tiled", "smaller_batch".
TXT2IMG_API std::string_view name_of(Retry retry);

}  // namespace txt2img

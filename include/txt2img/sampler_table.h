// The samplers, with all facts about each of them: who else has to know one asks its row.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "txt2img/export.h"
#include "txt2img/few.h"
#include "txt2img/schedule_table.h"

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
inline constexpr std::size_t kSamplerCount = static_cast<std::size_t>(SamplerKind::kLangevin) + 1;

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

// How a sampler goes about a step.
enum class SamplerMethod { kOneStep, kTwoStages, kMultistep };

// What the samplers of the reference (diffusers) visit.
enum class SamplerFamily {
  kTable,      // whole timesteps of the training table
  kPndm,       // the same, with the calls of its warm-up
  kDistilled,  // the grid of consistency distillation
  kSigma,      // ratios sigma/alpha, interpolated at fractional timesteps
  kSolver      // ratios at whole timesteps, with one more grid point than steps, the last one dropped
};

// Where a run ends.
enum class RunEnd {
  kClean,        // without noise
  kModel,        // as set_alpha_to_one of the model says
  kAsked,        // as final_sigmas_type says: without noise, or at the least level of the training table
  kAskedOrLast,  // the same, but with the last level of a schedule in sigma for the least
  kLast          // at the least level, or the last one of a schedule in sigma
};

// Which timesteps the network is told at noise levels that lie between those of the table.
enum class Rounding {
  kFractional,
  kFractionalButKarras,  // with schedule karras the nearest whole one
  kWhole,                // karras and lu: the nearest whole one, else without its fraction
  kWholeButCosine        // the same, but with cosine betas without its fraction whatever the schedule
};

// The level of a step's second stage.
enum class StageLevel {
  kNone,
  kLogMiddle,          // half-way in log sigma
  kAncestralLogMiddle  // half-way to the lower level that an ancestral step goes down to
};

// What a sampler does about x_0 out of range where the model asks for clip_sample or thresholding.
enum class X0Rule {
  kNone,
  kClip,  // but not with flow matching
  kThreshold,
  kThresholdOfX0,  // only where the solver extrapolates x_0
  kThresholdOrClip
};

struct LevelFacts {
  SamplerFamily family = SamplerFamily::kSigma;
  RunEnd end = RunEnd::kClean;
  Rounding rounding = Rounding::kFractional;
  StageLevel second_stage = StageLevel::kNone;
  bool strides = false;           // steps down by T/N timesteps from wherever it is, not to the next of its list
  bool starts_below_one = false;  // flow matching: takes the logarithm of alpha, which is 0 at sigma 1
};

struct SolverFacts {
  int order = 0;                         // by itself; 0: it takes no solver_order
  int order_max = order;                 // that can be asked for
  int epsilon_order_max = order_max;     // the same where it extrapolates eps
  Few<SolverType> types{};               // none: it takes no solver_type
  bool needs_lower_order_final = false;  // to reach zero noise
};

struct SamplerInfo {
  SamplerKind kind{};
  std::string_view name{};          // ours
  std::string_view reference{};     // class name in diffusers
  std::string_view label{};         // as AUTOMATIC1111 and its readers write it
  Few<std::string_view> aliases{};  // of other tools
  SamplerMethod method = SamplerMethod::kOneStep;
  int order = 1;           // of accuracy, measured (sampler_test.cpp), with its default options
  int calls_per_step = 1;  // of the UNet
  bool is_stochastic = false;
  std::string_view paper{};  // arXiv number
  LevelFacts levels{};
  X0Rule x0_rule = X0Rule::kNone;
  bool keeps_eps = false;  // of the network, whatever became of x_0
  SolverFacts solver{};
  Few<ModelKind> models{ModelKind::kDiffusion};  // that it goes with
  std::string_view plain_twin{};                 // its rule under the name that goes with the other models
  Few<std::string_view> options{};               // names of sampler_options() that mean something to it
  std::string_view summary{};
};

TXT2IMG_API std::span<const SamplerInfo> samplers();  // in the order of SamplerKind
TXT2IMG_API const SamplerInfo& info(SamplerKind kind);

// Those that an option means something to; none: it is a matter of the schedule.
TXT2IMG_API std::vector<SamplerKind> samplers_with(std::string_view option);

// Whether a sampler visits such a schedule at all, whatever the model.
TXT2IMG_API bool has_schedule(const SamplerInfo& sampler, const ScheduleInfo& schedule);

TXT2IMG_API std::string_view name_of(SamplerMethod method);
TXT2IMG_API std::string_view name_of(SamplerFamily family);
TXT2IMG_API std::string_view name_of(RunEnd end);
TXT2IMG_API std::string_view name_of(X0Rule rule);

}  // namespace txt2img

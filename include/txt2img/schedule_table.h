// The schedules by which a run can be spread over noise levels, with all facts about each of them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "txt2img/export.h"
#include "txt2img/few.h"

namespace txt2img {

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

// What a network was trained to undo.
enum class ModelKind {
  kDiffusion,
  kEdm,  // the preconditioning of arXiv 2206.00364
  kFlow  // flow matching
};

// What a schedule spreads.
enum class ScheduleBasis {
  kTimesteps,            // those of training
  kFractionalTimesteps,  // and between them
  kSigmas,               // noise levels between two ends, by a formula
  kPublishedSigmas       // noise levels that a paper lists
};

struct ScheduleInfo {
  ScheduleKind kind{};
  std::string_view name{};
  std::string_view label{};  // as AUTOMATIC1111 writes it; empty: it has none
  std::string_view summary{};
  ScheduleBasis basis = ScheduleBasis::kTimesteps;
  Few<ModelKind> models{ModelKind::kDiffusion};  // that it goes with
};

TXT2IMG_API std::span<const ScheduleInfo> schedules();  // in the order of ScheduleKind
TXT2IMG_API const ScheduleInfo& info(ScheduleKind kind);

TXT2IMG_API std::string_view name_of(ModelKind model);
TXT2IMG_API std::string_view name_of(ScheduleBasis basis);

}  // namespace txt2img

#include "txt2img/schedule_table.h"

#include <array>

namespace txt2img {
namespace {

using std::string_view;
using enum ScheduleBasis;

constexpr Few<ModelKind> kAllModels{ModelKind::kDiffusion, ModelKind::kEdm, ModelKind::kFlow};

constexpr std::array kSchedules{
    ScheduleInfo{.kind = ScheduleKind::kModel,
                 .name = "model",
                 .summary = "the spacing that the bundle asks for",
                 .models = kAllModels},
    ScheduleInfo{
        .kind = ScheduleKind::kLinspace, .name = "linspace", .summary = "timesteps evenly spaced, with both ends"},
    ScheduleInfo{
        .kind = ScheduleKind::kLeading, .name = "leading", .summary = "timesteps evenly spaced from the low end"},
    ScheduleInfo{.kind = ScheduleKind::kTrailing,
                 .name = "trailing",
                 .summary = "timesteps evenly spaced from the high end, arXiv 2305.08891"},
    ScheduleInfo{.kind = ScheduleKind::kKarras,
                 .name = "karras",
                 .label = "Karras",
                 .summary = "noise levels evenly spaced in sigma^(1/rho), arXiv 2206.00364",
                 .basis = kSigmas,
                 .models = kAllModels},
    ScheduleInfo{.kind = ScheduleKind::kExponential,
                 .name = "exponential",
                 .label = "Exponential",
                 .summary = "noise levels evenly spaced in log sigma",
                 .basis = kSigmas,
                 .models = kAllModels},
    ScheduleInfo{.kind = ScheduleKind::kBeta,
                 .name = "beta",
                 .label = "Beta",
                 .summary = "quantiles of the beta distribution (0.6, 0.6): dense at both ends, arXiv 2407.12173",
                 .basis = kSigmas,
                 .models = kAllModels},
    ScheduleInfo{.kind = ScheduleKind::kLu,
                 .name = "lu",
                 .label = "Lu",
                 .summary = "noise levels evenly spaced in log sigma over the whole table, arXiv 2206.00927",
                 .basis = kSigmas},
    ScheduleInfo{.kind = ScheduleKind::kSgmUniform,
                 .name = "sgm_uniform",
                 .label = "SGM Uniform",
                 .summary = "timesteps evenly spaced, without the low end",
                 .basis = kFractionalTimesteps},
    ScheduleInfo{.kind = ScheduleKind::kSimple,
                 .name = "simple",
                 .label = "Simple",
                 .summary = "every T/N-th timestep from the high end"},
    ScheduleInfo{.kind = ScheduleKind::kAys,
                 .name = "ays",
                 .label = "Align Your Steps",
                 .summary = "levels optimised for Stable Diffusion 1, arXiv 2404.14507",
                 .basis = kPublishedSigmas},
    ScheduleInfo{.kind = ScheduleKind::kAysXl,
                 .name = "ays_xl",
                 .label = "Align Your Steps XL",
                 .summary = "levels optimised for SDXL, arXiv 2404.14507",
                 .basis = kPublishedSigmas},
};

constexpr bool are_in_order() {
  for (std::size_t i = 0; i < kSchedules.size(); ++i) {
    if (kSchedules.at(i).kind != static_cast<ScheduleKind>(i)) return false;
  }
  return kSchedules.back().kind == ScheduleKind::kAysXl;
}
static_assert(are_in_order(), "a row for each ScheduleKind, in its order");

// In the order of the enums.
constexpr auto kModels = std::to_array<string_view>({"diffusion", "edm", "flow"});
constexpr auto kBases = std::to_array<string_view>({"timesteps", "fractional timesteps", "sigmas", "published sigmas"});

}  // namespace

std::span<const ScheduleInfo> schedules() { return kSchedules; }
const ScheduleInfo& info(ScheduleKind kind) { return kSchedules.at(static_cast<std::size_t>(kind)); }

string_view name_of(ModelKind model) { return kModels.at(static_cast<std::size_t>(model)); }
string_view name_of(ScheduleBasis basis) { return kBases.at(static_cast<std::size_t>(basis)); }

}  // namespace txt2img

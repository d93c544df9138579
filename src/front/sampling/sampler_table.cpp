#include "txt2img/sampler_table.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace txt2img {
namespace {

using std::string_view;
using enum SamplerMethod;
using enum SolverType;
using Rounding::kWhole;
using RunEnd::kAsked;
using SamplerFamily::kDistilled, SamplerFamily::kSolver, SamplerFamily::kTable;
using X0Rule::kThreshold;
using enum ModelKind;

// What several rows share.
constexpr LevelFacts kDpmLevels{.family = kSolver, .end = kAsked, .rounding = Rounding::kWholeButCosine};
constexpr Few<SolverType> kDpmTypes{kMidpoint, SolverType::kHeun};
constexpr Few<string_view> kSolverOptions{"solver_order", "solver_type", "solver_prediction", "lower_order_final",
                                          "final_sigmas_type"};
constexpr Few<string_view> kDpmOptions{"solver_order",      "solver_type",    "solver_prediction",
                                       "lower_order_final", "euler_at_final", "final_sigmas_type"};

// Rows are read across.
// clang-format off
constexpr std::array kSamplers{
    SamplerInfo{.kind = SamplerKind::kDdpm, .name = "ddpm", .reference = "DDPMScheduler", .label = "DDPM",
                .aliases = {"DDPMParallelScheduler", "sample_ddpm"}, .is_stochastic = true, .paper = "2006.11239",
                .levels = {.family = kTable}, .x0_rule = X0Rule::kThresholdOrClip,
                .solver = {.types = {kFixedSmall, kFixedSmallLog, kFixedLarge}}, .options = {"solver_type"},
                .summary = "ancestral sampling of the Markov chain the model was trained on"},
    SamplerInfo{.kind = SamplerKind::kDdim, .name = "ddim", .reference = "DDIMScheduler", .label = "DDIM",
                .aliases = {"k_ddim", "sample_ddim", "DDIMParallelScheduler"}, .paper = "2010.02502",
                .levels = {.family = kTable, .end = RunEnd::kModel, .strides = true},
                .x0_rule = X0Rule::kThresholdOrClip, .keeps_eps = true, .options = {"eta"},
                .summary = "denoising diffusion implicit models; --eta 1 adds noise as DDPM does"},
    SamplerInfo{.kind = SamplerKind::kPndm, .name = "pndm", .reference = "PNDMScheduler", .label = "PLMS",
                .aliases = {"plms"}, .method = kMultistep, .order = 2, .paper = "2202.09778",
                .levels = {.family = SamplerFamily::kPndm, .end = RunEnd::kModel}, .solver = {.types = {kPlms, kPrk}},
                .options = {"solver_type"},
                .summary = "pseudo linear multistep; one more UNet call than steps, --solver-type prk nine more"},
    SamplerInfo{.kind = SamplerKind::kLms, .name = "lms", .reference = "LMSDiscreteScheduler", .label = "LMS",
                .aliases = {"k_lms", "sample_lms", "LMSD"}, .method = kMultistep, .order = 4, .paper = "2206.00364",
                .solver = {.order = 4}, .options = {"solver_order"},
                .summary = "linear multistep in sigma over the last four slopes, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kEuler, .name = "euler", .reference = "EulerDiscreteScheduler",
                .label = "Euler",
                .aliases = {"k_euler", "sample_euler", "FlowMatchEulerDiscreteScheduler", "Euler FlowMatch"},
                .paper = "2206.00364", .levels = {.end = kAsked}, .models = {kDiffusion, kEdm, kFlow},
                .options = {"s_churn", "s_tmin", "s_tmax", "s_noise", "final_sigmas_type"},
                .summary = "Euler's method; --s-churn makes it stochastic"},
    SamplerInfo{.kind = SamplerKind::kEulerAncestral, .name = "euler_a",
                .reference = "EulerAncestralDiscreteScheduler", .label = "Euler a",
                .aliases = {"euler_ancestral", "k_euler_a", "k_euler_ancestral", "sample_euler_ancestral"},
                .is_stochastic = true, .paper = "2206.00364", .models = {kDiffusion, kEdm},
                .summary = "Euler's method with fresh noise in each step, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kHeun, .name = "heun", .reference = "HeunDiscreteScheduler", .label = "Heun",
                .aliases = {"k_heun", "sample_heun", "FlowMatchHeunDiscreteScheduler", "Heun FlowMatch"},
                .method = kTwoStages, .order = 2, .calls_per_step = 2, .paper = "2206.00364", .x0_rule = X0Rule::kClip,
                .models = {kDiffusion, kEdm, kFlow},
                .summary = "Heun's method: Euler, then the mean of the slopes at both ends"},
    SamplerInfo{.kind = SamplerKind::kDpm2, .name = "dpm2", .reference = "KDPM2DiscreteScheduler", .label = "DPM2",
                .aliases = {"k_dpm_2", "kdpm_2", "dpm_2", "sample_dpm_2"},
                .method = kTwoStages, .order = 2, .calls_per_step = 2, .paper = "2206.00927",
                .levels = {.rounding = Rounding::kFractionalButKarras, .second_stage = StageLevel::kLogMiddle},
                .summary = "midpoint method in log sigma, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kDpm2Ancestral, .name = "dpm2_a",
                .reference = "KDPM2AncestralDiscreteScheduler", .label = "DPM2 a",
                .aliases = {"dpm2_ancestral", "dpm_2_ancestral", "k_dpm_2_a", "kdpm_2_a", "k_dpm_2_ancestral",
                            "sample_dpm_2_ancestral"},
                .method = kTwoStages, .order = 2, .calls_per_step = 2, .is_stochastic = true, .paper = "2206.00927",
                .levels = {.rounding = Rounding::kFractionalButKarras, .second_stage = StageLevel::kAncestralLogMiddle},
                .summary = "dpm2 with fresh noise in each step"},
    SamplerInfo{.kind = SamplerKind::kDpmpp2m, .name = "dpmpp_2m", .reference = "DPMSolverMultistepScheduler",
                .label = "DPM++ 2M",
                .aliases = {"dpm++2m", "k_dpmpp_2m", "sample_dpmpp_2m", "dpm_solver++", "dpmpp_2", "k_dpmpp_2"},
                .method = kMultistep, .order = 2, .paper = "2211.01095", .levels = kDpmLevels, .x0_rule = kThreshold,
                .solver = {.order = 2, .order_max = 3, .types = kDpmTypes}, .models = {kDiffusion, kEdm, kFlow},
                .options = kDpmOptions,
                .summary = "DPM-Solver++ over two steps; a good choice for 15 to 30 steps"},
    SamplerInfo{.kind = SamplerKind::kDpmpp2mSde, .name = "dpmpp_2m_sde", .reference = "DPMSolverMultistepScheduler",
                .label = "DPM++ 2M SDE", .aliases = {"k_dpmpp_2m_sde", "sample_dpmpp_2m_sde", "dpm++2m_sde_bt"},
                .method = kMultistep, .order = 2, .is_stochastic = true, .paper = "2211.01095",
                .levels = kDpmLevels, .x0_rule = kThreshold,
                // Nobody has derived its third order for eps.
                .solver = {.order = 2, .order_max = 3, .epsilon_order_max = 2, .types = kDpmTypes},
                .models = {kDiffusion, kEdm, kFlow}, .options = kDpmOptions,
                .summary = "dpmpp_2m for the diffusion SDE: fresh noise in each step"},
    SamplerInfo{.kind = SamplerKind::kDpmpp2s, .name = "dpmpp_2s", .reference = "DPMSolverSinglestepScheduler",
                .label = "DPM++ 2S", .aliases = {"dpm++2s"}, .method = kMultistep, .order = 2, .paper = "2211.01095",
                .levels = {.family = kSolver, .end = kAsked, .rounding = kWhole}, .x0_rule = kThreshold,
                .solver = {.order = 2, .order_max = 3, .types = kDpmTypes}, .models = {kDiffusion, kFlow},
                .options = kSolverOptions,
                .summary = "DPM-Solver++ in groups of two steps, each begun anew; "
                           "--solver-order 3 for groups of three"},
    SamplerInfo{.kind = SamplerKind::kDpmpp3m, .name = "dpmpp_3m", .reference = "DPMSolverMultistepScheduler",
                .label = "DPM++ 3M", .aliases = {"dpm++3m"}, .method = kMultistep, .order = 2, .paper = "2211.01095",
                .levels = kDpmLevels, .x0_rule = kThreshold,
                .solver = {.order = 3, .types = kDpmTypes}, .models = {kDiffusion, kEdm, kFlow}, .options = kDpmOptions,
                .summary = "DPM-Solver++ over three steps, for weak guidance; "
                           "called of third order, measured of second"},
    SamplerInfo{.kind = SamplerKind::kDpmppSde, .name = "dpmpp_sde", .reference = "DPMSolverSDEScheduler",
                .label = "DPM++ SDE", .aliases = {"k_dpmpp_sde", "sample_dpmpp_sde", "DPM SDE"},
                .method = kTwoStages, .order = 1, .calls_per_step = 2, .is_stochastic = true, .paper = "2211.01095",
                .levels = {.second_stage = StageLevel::kLogMiddle}, .options = {"s_noise"},
                .summary = "stochastic DPM-Solver++ of two stages; the noise of both is one Brownian path"},
    SamplerInfo{.kind = SamplerKind::kDeis, .name = "deis", .reference = "DEISMultistepScheduler", .label = "DEIS",
                .method = kMultistep, .order = 2, .paper = "2204.13902",
                .levels = {.family = kSolver, .end = RunEnd::kLast, .rounding = kWhole}, .x0_rule = kThreshold,
                .solver = {.order = 2, .order_max = 3}, .models = {kDiffusion, kFlow},
                .options = {"solver_order", "lower_order_final"},
                .summary = "exponential integrator in log rho"},
    SamplerInfo{.kind = SamplerKind::kUnipc, .name = "unipc", .reference = "UniPCMultistepScheduler",
                .label = "UniPC", .aliases = {"uni_pc", "uni_pc_bh2"},
                .method = kMultistep, .order = 3, .paper = "2302.04867",
                .levels = {.family = kSolver, .end = RunEnd::kAskedOrLast, .rounding = kWhole,
                           .starts_below_one = true},
                .x0_rule = X0Rule::kThresholdOfX0,
                .solver = {.order = 2, .order_max = 3, .types = {kBh1, kBh2}, .needs_lower_order_final = true},
                .models = {kDiffusion, kFlow},
                .options = kSolverOptions,
                .summary = "predictor of --solver-order 2 with a corrector of one more; good for 5 to 15 steps"},
    SamplerInfo{.kind = SamplerKind::kIpndm, .name = "ipndm", .reference = "IPNDMScheduler", .label = "IPNDM",
                .method = kMultistep, .order = 2, .paper = "2202.09778",
                .summary = "improved pndm: Adams-Bashforth weights from the first step on"},
    SamplerInfo{.kind = SamplerKind::kLcm, .name = "lcm", .reference = "LCMScheduler", .label = "LCM",
                .is_stochastic = true, .paper = "2310.04378",
                .levels = {.family = kDistilled}, .x0_rule = X0Rule::kThresholdOrClip, .options = {"original_steps"},
                .summary = "for latent consistency models and LCM LoRAs, 1 to 8 steps"},
    SamplerInfo{.kind = SamplerKind::kTcd, .name = "tcd", .reference = "TCDScheduler", .label = "TCD",
                .paper = "2402.19159", .levels = {.family = kDistilled}, .options = {"eta", "original_steps"},
                .summary = "for trajectory consistency distilled models; --eta adds noise"},
    SamplerInfo{.kind = SamplerKind::kEdmEuler, .name = "edm_euler", .reference = "EDMEulerScheduler",
                .label = "EDM Euler", .aliases = {"Euler EDM"}, .paper = "2206.00364", .levels = {.end = kAsked},
                .models = {kEdm}, .plain_twin = "euler",
                .options = {"s_churn", "s_tmin", "s_tmax", "s_noise", "final_sigmas_type"},
                .summary = "euler for models with EDM preconditioning"},
    SamplerInfo{.kind = SamplerKind::kEdmDpmpp2m, .name = "edm_dpmpp_2m",
                .reference = "EDMDPMSolverMultistepScheduler", .label = "EDM DPM++ 2M", .aliases = {"DPM++ 2M EDM"},
                .method = kMultistep, .order = 2, .paper = "2211.01095",
                .levels = {.family = kSolver, .end = kAsked, .rounding = kWhole}, .x0_rule = kThreshold,
                .solver = {.order = 2, .order_max = 3, .types = kDpmTypes}, .models = {kEdm}, .plain_twin = "dpmpp_2m",
                .options = {"solver_order", "solver_type", "lower_order_final", "euler_at_final", "final_sigmas_type"},
                .summary = "dpmpp_2m for models with EDM preconditioning"},
    SamplerInfo{.kind = SamplerKind::kSaSolver, .name = "sa_solver", .reference = "SASolverScheduler",
                .label = "SA Solver", .method = kMultistep, .order = 2, .is_stochastic = true, .paper = "2309.05019",
                .levels = {.family = kSolver, .end = RunEnd::kLast, .rounding = kWhole}, .x0_rule = kThreshold,
                .solver = {.order = 2, .order_max = 3}, .models = {kDiffusion, kFlow},
                .options = {"solver_order", "solver_prediction", "lower_order_final"},
                .summary = "stochastic Adams predictor and corrector; noise in the middle of the run only"},
    SamplerInfo{.kind = SamplerKind::kLangevin, .name = "langevin", .reference = "ScoreSdeVeScheduler",
                .label = "Langevin", .aliases = {"pc", "predictor_corrector"},
                .calls_per_step = 2, .is_stochastic = true, .paper = "2011.13456",
                .solver = {.types = {kPredictorCorrector, kCorrector}},
                .options = {"solver_type", "snr", "corrector_steps"},
                .summary = "predictor-corrector; --solver-type corrector is annealed Langevin dynamics (1907.05600)"},
};
// clang-format on

constexpr bool are_in_order() {
  for (std::size_t i = 0; i < kSamplers.size(); ++i) {
    if (kSamplers.at(i).kind != static_cast<SamplerKind>(i)) return false;
  }
  return kSamplers.size() == kSamplerCount;
}
static_assert(are_in_order(), "a row for each SamplerKind, in its order");

// In the order of the enums.
constexpr auto kMethods = std::to_array<string_view>({"one step", "two stages", "multistep"});
constexpr auto kFamilies = std::to_array<string_view>({"table", "pndm", "distilled", "sigma", "solver"});
constexpr auto kEnds = std::to_array<string_view>({"clean", "model", "asked", "asked or last", "last"});
constexpr auto kX0Rules =
    std::to_array<string_view>({"none", "clip", "threshold", "threshold of x0", "threshold or clip"});

}  // namespace

std::span<const SamplerInfo> samplers() { return kSamplers; }
const SamplerInfo& info(SamplerKind kind) { return kSamplers.at(static_cast<std::size_t>(kind)); }

std::vector<SamplerKind> samplers_with(string_view option) {
  std::vector<SamplerKind> kinds;
  for (const SamplerInfo& sampler : kSamplers) {
    if (sampler.options.contains(option)) kinds.push_back(sampler.kind);
  }
  return kinds;
}

bool has_schedule(const SamplerInfo& sampler, const ScheduleInfo& schedule) {
  const bool is_in_table = schedule.basis == ScheduleBasis::kTimesteps;
  switch (sampler.levels.family) {
    case SamplerFamily::kTable: return is_in_table;
    case SamplerFamily::kPndm: return is_in_table && schedule.kind != ScheduleKind::kSimple;
    case SamplerFamily::kDistilled: return schedule.kind == ScheduleKind::kModel;
    case SamplerFamily::kSigma:
    case SamplerFamily::kSolver: return true;
  }
  return false;
}

string_view name_of(SamplerMethod method) { return kMethods.at(static_cast<std::size_t>(method)); }
string_view name_of(SamplerFamily family) { return kFamilies.at(static_cast<std::size_t>(family)); }
string_view name_of(RunEnd end) { return kEnds.at(static_cast<std::size_t>(end)); }
string_view name_of(X0Rule rule) { return kX0Rules.at(static_cast<std::size_t>(rule)); }

}  // namespace txt2img

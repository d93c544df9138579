// The tables of samplers and schedules.
#include <algorithm>
#include <array>
#include <cstddef>

#include "txt2img/names.h"

namespace txt2img {
namespace {

using std::string_view;

// Other programs' names: diffusers' further classes, k-diffusion, AUTOMATIC1111, InvokeAI, stable-diffusion.cpp.
template <std::size_t N>
constexpr std::array<string_view, N> labels(const string_view (&texts)[N]) {
  return std::to_array(texts);
}
constexpr auto kDdpmAliases = labels({"DDPMParallelScheduler", "sample_ddpm"});
constexpr auto kDdimAliases = labels({"k_ddim", "sample_ddim", "DDIMParallelScheduler"});
constexpr auto kPndmAliases = labels({"plms"});
constexpr auto kLmsAliases = labels({"k_lms", "sample_lms", "LMSD"});
constexpr auto kEulerAliases =
    labels({"k_euler", "sample_euler", "FlowMatchEulerDiscreteScheduler", "Euler FlowMatch"});
constexpr auto kEulerAncestralAliases =
    labels({"euler_ancestral", "k_euler_a", "k_euler_ancestral", "sample_euler_ancestral"});
constexpr auto kHeunAliases = labels({"k_heun", "sample_heun", "FlowMatchHeunDiscreteScheduler", "Heun FlowMatch"});
constexpr auto kDpm2Aliases = labels({"k_dpm_2", "kdpm_2", "dpm_2", "sample_dpm_2"});
constexpr auto kDpm2AncestralAliases = labels(
    {"dpm2_ancestral", "dpm_2_ancestral", "k_dpm_2_a", "kdpm_2_a", "k_dpm_2_ancestral", "sample_dpm_2_ancestral"});
constexpr auto kDpmpp2mAliases = labels(
    {"dpm++2m", "k_dpmpp_2m", "sample_dpmpp_2m", "dpm_solver++", "dpmpp_2", "k_dpmpp_2"});  // the last: InvokeAI 2
constexpr auto kDpmpp2mSdeAliases = labels({"k_dpmpp_2m_sde", "sample_dpmpp_2m_sde", "dpm++2m_sde_bt"});
constexpr auto kDpmpp2sAliases = labels({"dpm++2s"});
constexpr auto kDpmpp3mAliases = labels({"dpm++3m"});
constexpr auto kDpmppSdeAliases = labels({"k_dpmpp_sde", "sample_dpmpp_sde", "DPM SDE"});
constexpr auto kUnipcAliases = labels({"uni_pc", "uni_pc_bh2"});
constexpr auto kEdmEulerAliases = labels({"Euler EDM"});
constexpr auto kEdmDpmpp2mAliases = labels({"DPM++ 2M EDM"});
constexpr auto kLangevinAliases = labels({"pc", "predictor_corrector"});

using enum SamplerMethod;

constexpr std::array kSamplers{
    SamplerInfo{.kind = SamplerKind::kDdpm,
                .name = "ddpm",
                .reference = "DDPMScheduler",
                .label = "DDPM",
                .aliases = kDdpmAliases,
                .is_stochastic = true,
                .paper = "2006.11239",
                .summary = "ancestral sampling of the Markov chain the model was trained on"},
    SamplerInfo{.kind = SamplerKind::kDdim,
                .name = "ddim",
                .reference = "DDIMScheduler",
                .label = "DDIM",
                .aliases = kDdimAliases,
                .paper = "2010.02502",
                .summary = "denoising diffusion implicit models; --eta 1 adds noise as DDPM does"},
    SamplerInfo{.kind = SamplerKind::kPndm,
                .name = "pndm",
                .reference = "PNDMScheduler",
                .label = "PLMS",
                .aliases = kPndmAliases,
                .method = kMultistep,
                .order = 2,
                .paper = "2202.09778",
                .summary = "pseudo linear multistep; one more UNet call than steps, --solver-type prk nine more"},
    SamplerInfo{.kind = SamplerKind::kLms,
                .name = "lms",
                .reference = "LMSDiscreteScheduler",
                .label = "LMS",
                .aliases = kLmsAliases,
                .method = kMultistep,
                .order = 4,
                .paper = "2206.00364",
                .summary = "linear multistep in sigma over the last four slopes, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kEuler,
                .name = "euler",
                .reference = "EulerDiscreteScheduler",
                .label = "Euler",
                .aliases = kEulerAliases,
                .paper = "2206.00364",
                .summary = "Euler's method; --s-churn makes it stochastic"},
    SamplerInfo{.kind = SamplerKind::kEulerAncestral,
                .name = "euler_a",
                .reference = "EulerAncestralDiscreteScheduler",
                .label = "Euler a",
                .aliases = kEulerAncestralAliases,
                .is_stochastic = true,
                .paper = "2206.00364",
                .summary = "Euler's method with fresh noise in each step, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kHeun,
                .name = "heun",
                .reference = "HeunDiscreteScheduler",
                .label = "Heun",
                .aliases = kHeunAliases,
                .method = kTwoStages,
                .order = 2,
                .calls_per_step = 2,
                .paper = "2206.00364",
                .summary = "Heun's method: Euler, then the mean of the slopes at both ends"},
    SamplerInfo{.kind = SamplerKind::kDpm2,
                .name = "dpm2",
                .reference = "KDPM2DiscreteScheduler",
                .label = "DPM2",
                .aliases = kDpm2Aliases,
                .method = kTwoStages,
                .order = 2,
                .calls_per_step = 2,
                .paper = "2206.00927",
                .summary = "midpoint method in log sigma, as in k-diffusion"},
    SamplerInfo{.kind = SamplerKind::kDpm2Ancestral,
                .name = "dpm2_a",
                .reference = "KDPM2AncestralDiscreteScheduler",
                .label = "DPM2 a",
                .aliases = kDpm2AncestralAliases,
                .method = kTwoStages,
                .order = 2,
                .calls_per_step = 2,
                .is_stochastic = true,
                .paper = "2206.00927",
                .summary = "dpm2 with fresh noise in each step"},
    SamplerInfo{.kind = SamplerKind::kDpmpp2m,
                .name = "dpmpp_2m",
                .reference = "DPMSolverMultistepScheduler",
                .label = "DPM++ 2M",
                .aliases = kDpmpp2mAliases,
                .method = kMultistep,
                .order = 2,
                .paper = "2211.01095",
                .summary = "DPM-Solver++ over two steps; a good choice for 15 to 30 steps"},
    SamplerInfo{.kind = SamplerKind::kDpmpp2mSde,
                .name = "dpmpp_2m_sde",
                .reference = "DPMSolverMultistepScheduler",
                .label = "DPM++ 2M SDE",
                .aliases = kDpmpp2mSdeAliases,
                .method = kMultistep,
                .order = 2,
                .is_stochastic = true,
                .paper = "2211.01095",
                .summary = "dpmpp_2m for the diffusion SDE: fresh noise in each step"},
    SamplerInfo{
        .kind = SamplerKind::kDpmpp2s,
        .name = "dpmpp_2s",
        .reference = "DPMSolverSinglestepScheduler",
        .label = "DPM++ 2S",
        .aliases = kDpmpp2sAliases,
        .method = kMultistep,
        .order = 2,
        .paper = "2211.01095",
        .summary = "DPM-Solver++ in groups of two steps, each begun anew; --solver-order 3 for groups of three"},
    SamplerInfo{
        .kind = SamplerKind::kDpmpp3m,
        .name = "dpmpp_3m",
        .reference = "DPMSolverMultistepScheduler",
        .label = "DPM++ 3M",
        .aliases = kDpmpp3mAliases,
        .method = kMultistep,
        .order = 2,
        .paper = "2211.01095",
        .summary = "DPM-Solver++ over three steps, for weak guidance; called of third order, measured of second"},
    SamplerInfo{.kind = SamplerKind::kDpmppSde,
                .name = "dpmpp_sde",
                .reference = "DPMSolverSDEScheduler",
                .label = "DPM++ SDE",
                .aliases = kDpmppSdeAliases,
                .method = kTwoStages,
                .order = 1,
                .calls_per_step = 2,
                .is_stochastic = true,
                .paper = "2211.01095",
                .summary = "stochastic DPM-Solver++ of two stages; the noise of both is one Brownian path"},
    SamplerInfo{.kind = SamplerKind::kDeis,
                .name = "deis",
                .reference = "DEISMultistepScheduler",
                .label = "DEIS",
                .method = kMultistep,
                .order = 2,
                .paper = "2204.13902",
                .summary = "exponential integrator in log rho"},
    SamplerInfo{.kind = SamplerKind::kUnipc,
                .name = "unipc",
                .reference = "UniPCMultistepScheduler",
                .label = "UniPC",
                .aliases = kUnipcAliases,
                .method = kMultistep,
                .order = 3,
                .paper = "2302.04867",
                .summary = "predictor of --solver-order 2 with a corrector of one more; good for 5 to 15 steps"},
    SamplerInfo{.kind = SamplerKind::kIpndm,
                .name = "ipndm",
                .reference = "IPNDMScheduler",
                .label = "IPNDM",
                .method = kMultistep,
                .order = 2,
                .paper = "2202.09778",
                .summary = "improved pndm: Adams-Bashforth weights from the first step on"},
    SamplerInfo{.kind = SamplerKind::kLcm,
                .name = "lcm",
                .reference = "LCMScheduler",
                .label = "LCM",
                .is_stochastic = true,
                .paper = "2310.04378",
                .summary = "for latent consistency models and LCM LoRAs, 1 to 8 steps"},
    SamplerInfo{.kind = SamplerKind::kTcd,
                .name = "tcd",
                .reference = "TCDScheduler",
                .label = "TCD",
                .paper = "2402.19159",
                .summary = "for trajectory consistency distilled models; --eta adds noise"},
    SamplerInfo{.kind = SamplerKind::kEdmEuler,
                .name = "edm_euler",
                .reference = "EDMEulerScheduler",
                .label = "EDM Euler",
                .aliases = kEdmEulerAliases,
                .paper = "2206.00364",
                .summary = "euler for models with EDM preconditioning"},
    SamplerInfo{.kind = SamplerKind::kEdmDpmpp2m,
                .name = "edm_dpmpp_2m",
                .reference = "EDMDPMSolverMultistepScheduler",
                .label = "EDM DPM++ 2M",
                .aliases = kEdmDpmpp2mAliases,
                .method = kMultistep,
                .order = 2,
                .paper = "2211.01095",
                .summary = "dpmpp_2m for models with EDM preconditioning"},
    SamplerInfo{.kind = SamplerKind::kSaSolver,
                .name = "sa_solver",
                .reference = "SASolverScheduler",
                .label = "SA Solver",
                .method = kMultistep,
                .order = 2,
                .is_stochastic = true,
                .paper = "2309.05019",
                .summary = "stochastic Adams predictor and corrector; noise in the middle of the run only"},
    SamplerInfo{.kind = SamplerKind::kLangevin,
                .name = "langevin",
                .reference = "ScoreSdeVeScheduler",
                .label = "Langevin",
                .aliases = kLangevinAliases,
                .calls_per_step = 2,
                .is_stochastic = true,
                .paper = "2011.13456",
                .summary = "predictor-corrector; --solver-type corrector is annealed Langevin dynamics (1907.05600)"},
};

constexpr std::array kSchedules{
    ScheduleInfo{ScheduleKind::kModel, "model", "", "the spacing that the bundle asks for"},
    ScheduleInfo{ScheduleKind::kLinspace, "linspace", "", "timesteps evenly spaced, with both ends"},
    ScheduleInfo{ScheduleKind::kLeading, "leading", "", "timesteps evenly spaced from the low end"},
    ScheduleInfo{ScheduleKind::kTrailing, "trailing", "",
                 "timesteps evenly spaced from the high end, arXiv 2305.08891"},
    ScheduleInfo{ScheduleKind::kKarras, "karras", "Karras",
                 "noise levels evenly spaced in sigma^(1/rho), arXiv 2206.00364"},
    ScheduleInfo{ScheduleKind::kExponential, "exponential", "Exponential", "noise levels evenly spaced in log sigma"},
    ScheduleInfo{ScheduleKind::kBeta, "beta", "Beta",
                 "quantiles of the beta distribution (0.6, 0.6): dense at both ends, arXiv 2407.12173"},
    ScheduleInfo{ScheduleKind::kLu, "lu", "Lu",
                 "noise levels evenly spaced in log sigma over the whole table, arXiv 2206.00927"},
    ScheduleInfo{ScheduleKind::kSgmUniform, "sgm_uniform", "SGM Uniform",
                 "timesteps evenly spaced, without the low end"},
    ScheduleInfo{ScheduleKind::kSimple, "simple", "Simple", "every T/N-th timestep from the high end"},
    ScheduleInfo{ScheduleKind::kAys, "ays", "Align Your Steps",
                 "levels optimised for Stable Diffusion 1, arXiv 2404.14507"},
    ScheduleInfo{ScheduleKind::kAysXl, "ays_xl", "Align Your Steps XL", "levels optimised for SDXL, arXiv 2404.14507"},
};

}  // namespace

std::span<const SamplerInfo> samplers() { return kSamplers; }
std::span<const ScheduleInfo> schedules() { return kSchedules; }

const SamplerInfo& info(SamplerKind kind) { return *std::ranges::find(kSamplers, kind, &SamplerInfo::kind); }
const ScheduleInfo& info(ScheduleKind kind) { return *std::ranges::find(kSchedules, kind, &ScheduleInfo::kind); }

}  // namespace txt2img

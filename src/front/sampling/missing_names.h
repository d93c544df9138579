// Samplers and schedules of other tools that this version does not have: a message can name the nearest that it has
// instead of calling them unknown.
#pragma once

#include <array>
#include <string_view>

namespace txt2img {

struct MissingName {
  std::string_view name;
  std::string_view nearest;  // of ours; empty: none is near
};

// A sampler with "CFG++" is missing too, and the one without is the nearest.
inline constexpr auto kMissingSamplers = std::to_array<MissingName>({
    // k-diffusion, AUTOMATIC1111 and its forks
    {"dpm_fast", "dpmpp_2s"},
    {"dpm_ad", "dpmpp_2m"},
    {"dpm_adaptive", "dpmpp_2m"},
    {"dpmpp_2s_a", "dpmpp_2s"},
    {"dpmpp_2s_ancestral", "dpmpp_2s"},
    {"dpmpp_2_a", "dpmpp_2s"},
    {"dpmpp_2_ancestral", "dpmpp_2s"},
    {"restart", "heun"},
    // ComfyUI
    {"heunpp2", "heun"},
    {"exp_heun_2_x0", "dpmpp_sde"},
    {"exp_heun_2_x0_sde", "dpmpp_sde"},
    {"ipndm_v", "ipndm"},
    {"res_multistep", "dpmpp_2m"},
    {"res_multistep_ancestral", "dpmpp_2m_sde"},
    {"gradient_estimation", "euler"},
    {"er_sde", "dpmpp_2m_sde"},
    {"seeds_2", "dpmpp_sde"},
    {"seeds_3", "dpmpp_sde"},
    {"sa_solver_pece", "sa_solver"},
    {"res_2m", "dpmpp_2m"},
    {"res_2s", "dpmpp_sde"},
    {"res_3m", "dpmpp_3m"},
    // stable-diffusion.cpp
    {"dpm++2mv2", "dpmpp_2m"},
    {"euler_ge", "euler"},
    // NovelAI, Draw Things, AI Horde, DiffusionDB
    {"ddim_v3", "ddim"},
    {"Euler A Substep", "euler_a"},
    {"DPM++ SDE Substep", "dpmpp_sde"},
    {"dpmsolver", "dpmpp_2m"},
    {"9", ""},
    {"others", ""},
    // SD.Next
    {"DPM++", "dpmpp_2m"},
    {"DPM++ 1S", "dpmpp_2s"},
    {"DPM++ Cosine", "edm_dpmpp_2m"},
    {"DPM++ Inverse", "dpmpp_2m"},
    {"DPM++ 2M Inverse", "dpmpp_2m"},
    {"Euler SGM", "euler"},
    {"LCM FlowMatch", "lcm"},
    {"BDIA DDIM", "ddim"},
    {"VDM Solver", "ddpm"},
    {"DC Solver", "unipc"},
    {"CMSI", "lcm"},
    {"TDD", "tcd"},
    {"PeRFlow", "euler"},
    {"UFOGen", "ddpm"},
    // diffusers
    {"AmusedScheduler", ""},
    {"BlockRefinementScheduler", ""},
    {"CMStochasticIterativeScheduler", "lcm"},
    {"CogVideoXDDIMScheduler", "ddim"},
    {"CogVideoXDPMScheduler", "dpmpp_2m_sde"},
    {"ConsistencyDecoderScheduler", "lcm"},
    {"CosineDPMSolverMultistepScheduler", "edm_dpmpp_2m"},
    {"DDIMInverseScheduler", "ddim"},
    {"DDPMWuerstchenScheduler", "ddpm"},
    {"DPMSolverMultistepInverseScheduler", "dpmpp_2m"},
    {"DiscreteDDIMScheduler", ""},
    {"EntropyBoundScheduler", ""},
    {"FlowMapEulerDiscreteScheduler", "euler"},
    {"FlowMatchLCMScheduler", "lcm"},
    {"HeliosDMDScheduler", "lcm"},
    {"HeliosScheduler", "unipc"},
    {"KarrasVeScheduler", "edm_euler"},
    {"LTXEulerAncestralRFScheduler", "euler_a"},
    {"MiniMaxH3Scheduler", ""},
    {"PiflowScheduler", ""},
    {"RFD4ProteinaScheduler", ""},
    {"RePaintScheduler", "ddpm"},
    {"SCMScheduler", "lcm"},
    {"ScoreSdeVpScheduler", "langevin"},
    {"UnCLIPScheduler", "ddpm"},
    {"VQDiffusionScheduler", ""},
});

inline constexpr auto kMissingSchedules = std::to_array<MissingName>({
    // AUTOMATIC1111, its forks
    {"polyexponential", "exponential"},
    {"kl_optimal", "karras"},
    {"align_your_steps_gits", "ays"},
    {"align_your_steps_11", "ays"},
    {"align_your_steps_32", "ays"},
    {"turbo", "trailing"},
    {"beta57", "beta"},
    // ComfyUI, Fooocus
    {"linear_quadratic", "simple"},
    {"tcd", "trailing"},
    {"edm_playground_v2.5", "karras"},
    // stable-diffusion.cpp
    {"gits", "ays"},
    {"smoothstep", "beta"},
    {"bong_tangent", "beta"},
    {"ltx2", "simple"},
    {"logit_normal", "simple"},
    {"flux", "simple"},
    {"flux2", "simple"},
    {"lcm", "trailing"},
});

}  // namespace txt2img

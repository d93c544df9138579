// The lists of samplers and schedules of other tools, whole: each name is ours, or refused with the nearest that is.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "fixtures/expect_error.h"
#include "txt2img/names.h"

namespace txt2img {
namespace {

using std::string_view;

// "sampler", "sampler schedule" or "!nearest"; a variant or an order after '/'.
struct Label {
  string_view label;
  string_view meaning;
};

std::string text_of(const SamplerChoice& choice) {
  std::string text(info(choice.sampler).name);
  if (choice.schedule) text += " " + std::string(info(*choice.schedule).name);
  if (choice.solver_type) text += "/" + std::string(name_of(*choice.solver_type));
  if (choice.solver_order) text += "/" + std::to_string(*choice.solver_order);
  return text;
}

void expect_refused(const std::string& message, const Label& row) {
  EXPECT_NE(message.find("this version does not have the "), std::string::npos) << row.label << ": " << message;
  const std::string nearest(row.meaning.substr(1));
  EXPECT_EQ(message.find("the nearest is") == std::string::npos, nearest.empty()) << row.label << ": " << message;
  EXPECT_NE(message.find(nearest.empty() ? "" : "(the nearest is '" + nearest + "')"), std::string::npos)
      << row.label << ": " << message;
}

void expect_samplers(std::span<const Label> rows) {
  for (const Label& row : rows) {
    if (row.meaning.starts_with('!'))
      expect_refused(expect_error(ExitCode::kUsage, [&] { parse_sampler(row.label); }), row);
    else
      EXPECT_EQ(text_of(parse_sampler(row.label)), row.meaning) << row.label;
  }
}

void expect_schedules(std::span<const Label> rows) {
  for (const Label& row : rows) {
    if (row.meaning.starts_with('!'))
      expect_refused(expect_error(ExitCode::kUsage, [&] { parse_schedule(row.label); }), row);
    else
      EXPECT_EQ(info(parse_schedule(row.label)).name, row.meaning) << row.label;
  }
}

TEST(NamesOfTools, KnowAutomatic1111) {
  expect_samplers(std::to_array<Label>({{"DPM++ 2M", "dpmpp_2m"},
                                        {"DPM++ SDE", "dpmpp_sde"},
                                        {"DPM++ 2M SDE", "dpmpp_2m_sde"},
                                        {"DPM++ 2M SDE Heun", "dpmpp_2m_sde/heun"},
                                        {"DPM++ 2S a", "!dpmpp_2s"},
                                        {"DPM++ 3M SDE", "dpmpp_2m_sde/3"},
                                        {"Euler a", "euler_a"},
                                        {"Euler", "euler"},
                                        {"LMS", "lms"},
                                        {"Heun", "heun"},
                                        {"DPM2", "dpm2"},
                                        {"DPM2 a", "dpm2_a"},
                                        {"DPM fast", "!dpmpp_2s"},
                                        {"DPM adaptive", "!dpmpp_2m"},
                                        {"Restart", "!heun"},
                                        {"DDIM", "ddim"},
                                        {"DDIM CFG++", "!ddim"},
                                        {"PLMS", "pndm"},
                                        {"UniPC", "unipc"},
                                        {"LCM", "lcm"}}));
}

TEST(NamesOfTools, KnowAutomatic1111BeforeSchedulesHadAFieldOfTheirOwn) {
  expect_samplers(std::to_array<Label>({{"DPM++ 2M Karras", "dpmpp_2m karras"},
                                        {"DPM++ SDE Karras", "dpmpp_sde karras"},
                                        {"DPM++ 2M SDE Karras", "dpmpp_2m_sde karras"},
                                        {"DPM++ 2M SDE Exponential", "dpmpp_2m_sde exponential"},
                                        {"DPM++ 2M SDE Heun Karras", "dpmpp_2m_sde karras/heun"},
                                        {"DPM++ 2M SDE Heun Exponential", "dpmpp_2m_sde exponential/heun"},
                                        {"DPM++ 3M SDE Karras", "dpmpp_2m_sde karras/3"},
                                        {"DPM++ 3M SDE Exponential", "dpmpp_2m_sde exponential/3"},
                                        {"DPM++ 2S a Karras", "!dpmpp_2s"},
                                        {"DPM2 Karras", "dpm2 karras"},
                                        {"DPM2 a Karras", "dpm2_a karras"},
                                        {"LMS Karras", "lms karras"},
                                        {"DPM++ 2M Align Your Steps 11", "!ays"},
                                        {"k_dpmpp_2m_ka", "dpmpp_2m karras"},
                                        {"k_dpmpp_2m_sde_exp", "dpmpp_2m_sde exponential"},
                                        {"k_dpmpp_2s_a_ka", "!dpmpp_2s"},
                                        {"k_dpm_2_a_ka", "dpm2_a karras"},
                                        {"k_lms_ka", "lms karras"},
                                        {"k_dpm_ad", "!dpmpp_2m"},
                                        {"k_dpm_fast", "!dpmpp_2s"}}));
}

TEST(NamesOfTools, KnowTheSchedulesOfAutomatic1111AndForge) {
  expect_schedules(std::to_array<Label>({{"Automatic", "model"},
                                         {"Uniform", "linspace"},
                                         {"Karras", "karras"},
                                         {"Exponential", "exponential"},
                                         {"Polyexponential", "!exponential"},
                                         {"SGM Uniform", "sgm_uniform"},
                                         {"KL Optimal", "!karras"},
                                         {"Align Your Steps", "ays"},
                                         {"Align Your Steps GITS", "!ays"},
                                         {"Align Your Steps 11", "!ays"},
                                         {"Align Your Steps 32", "!ays"},
                                         {"Simple", "simple"},
                                         {"Normal", "linspace"},
                                         {"Beta", "beta"},
                                         {"Turbo", "!trailing"}}));
}

TEST(NamesOfTools, KnowComfyUi) {
  expect_samplers(std::to_array<Label>({{"euler", "euler"},
                                        {"euler_cfg_pp", "!euler"},
                                        {"euler_ancestral", "euler_a"},
                                        {"euler_ancestral_cfg_pp", "!euler_a"},
                                        {"heun", "heun"},
                                        {"heunpp2", "!heun"},
                                        {"exp_heun_2_x0", "!dpmpp_sde"},
                                        {"exp_heun_2_x0_sde", "!dpmpp_sde"},
                                        {"dpm_2", "dpm2"},
                                        {"dpm_2_ancestral", "dpm2_a"},
                                        {"lms", "lms"},
                                        {"dpm_fast", "!dpmpp_2s"},
                                        {"dpm_adaptive", "!dpmpp_2m"},
                                        {"dpmpp_2s_ancestral", "!dpmpp_2s"},
                                        {"dpmpp_2s_ancestral_cfg_pp", "!dpmpp_2s"},
                                        {"dpmpp_sde", "dpmpp_sde"},
                                        {"dpmpp_sde_gpu", "dpmpp_sde"},
                                        {"dpmpp_2m", "dpmpp_2m"},
                                        {"dpmpp_2m_cfg_pp", "!dpmpp_2m"},
                                        {"dpmpp_2m_sde", "dpmpp_2m_sde"},
                                        {"dpmpp_2m_sde_gpu", "dpmpp_2m_sde"},
                                        {"dpmpp_2m_sde_heun", "dpmpp_2m_sde/heun"},
                                        {"dpmpp_2m_sde_heun_gpu", "dpmpp_2m_sde/heun"},
                                        {"dpmpp_3m_sde", "dpmpp_2m_sde/3"},
                                        {"dpmpp_3m_sde_gpu", "dpmpp_2m_sde/3"},
                                        {"ddpm", "ddpm"},
                                        {"lcm", "lcm"},
                                        {"ipndm", "ipndm"},
                                        {"ipndm_v", "!ipndm"},
                                        {"deis", "deis"},
                                        {"res_multistep", "!dpmpp_2m"},
                                        {"res_multistep_cfg_pp", "!dpmpp_2m"},
                                        {"res_multistep_ancestral", "!dpmpp_2m_sde"},
                                        {"res_multistep_ancestral_cfg_pp", "!dpmpp_2m_sde"},
                                        {"gradient_estimation", "!euler"},
                                        {"gradient_estimation_cfg_pp", "!euler"},
                                        {"er_sde", "!dpmpp_2m_sde"},
                                        {"seeds_2", "!dpmpp_sde"},
                                        {"seeds_3", "!dpmpp_sde"},
                                        {"sa_solver", "sa_solver"},
                                        {"sa_solver_pece", "!sa_solver"},
                                        {"ddim", "ddim"},
                                        {"uni_pc", "unipc"},
                                        {"uni_pc_bh2", "unipc"}}));
  expect_schedules(std::to_array<Label>({{"simple", "simple"},
                                         {"sgm_uniform", "sgm_uniform"},
                                         {"karras", "karras"},
                                         {"exponential", "exponential"},
                                         {"ddim_uniform", "leading"},
                                         {"beta", "beta"},
                                         {"normal", "linspace"},
                                         {"linear_quadratic", "!simple"},
                                         {"kl_optimal", "!karras"}}));
}

TEST(NamesOfTools, KnowFooocus) {
  expect_samplers(std::to_array<Label>({{"tcd", "tcd"}, {"restart", "!heun"}, {"dpmpp_2m_sde_gpu", "dpmpp_2m_sde"}}));
  expect_schedules(std::to_array<Label>({{"lcm", "!trailing"},
                                         {"turbo", "!trailing"},
                                         {"align_your_steps", "ays"},
                                         {"tcd", "!trailing"},
                                         {"edm_playground_v2.5", "!karras"}}));
}

TEST(NamesOfTools, KnowStableDiffusionCpp) {
  expect_samplers(std::to_array<Label>({{"euler", "euler"},
                                        {"euler_a", "euler_a"},
                                        {"heun", "heun"},
                                        {"dpm2", "dpm2"},
                                        {"dpm++2s_a", "!dpmpp_2s"},
                                        {"dpm++2m", "dpmpp_2m"},
                                        {"dpm++2mv2", "!dpmpp_2m"},
                                        {"ipndm", "ipndm"},
                                        {"ipndm_v", "!ipndm"},
                                        {"lcm", "lcm"},
                                        {"ddim_trailing", "ddim trailing"},
                                        {"tcd", "tcd"},
                                        {"res_multistep", "!dpmpp_2m"},
                                        {"res_2s", "!dpmpp_sde"},
                                        {"er_sde", "!dpmpp_2m_sde"},
                                        {"euler_cfg_pp", "!euler"},
                                        {"euler_a_cfg_pp", "!euler_a"},
                                        {"euler_ge", "!euler"},
                                        {"dpm++2m_sde", "dpmpp_2m_sde"},
                                        {"dpm++2m_sde_bt", "dpmpp_2m_sde"},
                                        {"lms", "lms"},
                                        {"plms", "pndm"}}));
  expect_schedules(std::to_array<Label>({{"discrete", "linspace"},
                                         {"karras", "karras"},
                                         {"exponential", "exponential"},
                                         {"ays", "ays"},
                                         {"gits", "!ays"},
                                         {"smoothstep", "!beta"},
                                         {"sgm_uniform", "sgm_uniform"},
                                         {"simple", "simple"},
                                         {"kl_optimal", "!karras"},
                                         {"lcm", "!trailing"},
                                         {"bong_tangent", "!beta"},
                                         {"ltx2", "!simple"},
                                         {"logit_normal", "!simple"},
                                         {"flux", "!simple"},
                                         {"flux2", "!simple"},
                                         {"beta", "beta"},
                                         {"default", "model"}}));
}

TEST(NamesOfTools, KnowInvokeAi) {
  expect_samplers(std::to_array<Label>({{"ddim", "ddim"},
                                        {"ddpm", "ddpm"},
                                        {"deis", "deis"},
                                        {"deis_k", "deis karras"},
                                        {"lms", "lms"},
                                        {"lms_k", "lms karras"},
                                        {"pndm", "pndm"},
                                        {"heun", "heun"},
                                        {"heun_k", "heun karras"},
                                        {"euler", "euler"},
                                        {"euler_k", "euler karras"},
                                        {"euler_a", "euler_a"},
                                        {"kdpm_2", "dpm2"},
                                        {"kdpm_2_k", "dpm2 karras"},
                                        {"kdpm_2_a", "dpm2_a"},
                                        {"kdpm_2_a_k", "dpm2_a karras"},
                                        {"dpmpp_2s", "dpmpp_2s"},
                                        {"dpmpp_2s_k", "dpmpp_2s karras"},
                                        {"dpmpp_2m", "dpmpp_2m"},
                                        {"dpmpp_2m_k", "dpmpp_2m karras"},
                                        {"dpmpp_2m_sde", "dpmpp_2m_sde"},
                                        {"dpmpp_2m_sde_k", "dpmpp_2m_sde karras"},
                                        {"dpmpp_3m", "dpmpp_3m"},
                                        {"dpmpp_3m_k", "dpmpp_3m karras"},
                                        {"dpmpp_sde", "dpmpp_sde"},
                                        {"dpmpp_sde_k", "dpmpp_sde karras"},
                                        {"unipc", "unipc"},
                                        {"unipc_k", "unipc karras"},
                                        {"lcm", "lcm"},
                                        {"tcd", "tcd"}}));
}

TEST(NamesOfTools, KnowInvokeAiBeforeVersion3) {
  expect_samplers(std::to_array<Label>({{"ddim", "ddim"},
                                        {"plms", "pndm"},
                                        {"k_lms", "lms"},
                                        {"k_dpm_2", "dpm2"},
                                        {"k_dpm_2_a", "dpm2_a"},
                                        {"k_dpmpp_2", "dpmpp_2m"},
                                        {"k_dpmpp_2_a", "!dpmpp_2s"},
                                        {"k_euler", "euler"},
                                        {"k_euler_a", "euler_a"},
                                        {"k_heun", "heun"}}));
}

TEST(NamesOfTools, KnowNovelAiAndDreamStudioAndReplicate) {
  expect_samplers(std::to_array<Label>({{"k_euler_ancestral", "euler_a"},
                                        {"k_dpmpp_2s_ancestral", "!dpmpp_2s"},
                                        {"k_dpmpp_2m_sde", "dpmpp_2m_sde"},
                                        {"k_dpmpp_sde", "dpmpp_sde"},
                                        {"k_dpm_adaptive", "!dpmpp_2m"},
                                        {"k_dpm_2_ancestral", "dpm2_a"},
                                        {"ddim_v3", "!ddim"},
                                        {"K_DPMPP_2M", "dpmpp_2m"},
                                        {"K_EULER", "euler"},
                                        {"K-LMS", "lms"},
                                        {"KLMS", "lms"},
                                        {"DPMSolverMultistep", "dpmpp_2m"},
                                        {"HeunDiscrete", "heun"},
                                        {"KarrasDPM", "dpmpp_2m karras"}}));
  expect_schedules(std::to_array<Label>({{"native", "linspace"}, {"polyexponential", "!exponential"}}));
}

TEST(NamesOfTools, KnowSdNextAndDrawThings) {
  expect_samplers(std::to_array<Label>({{"LMSD", "lms"},
                                        {"DPM SDE", "dpmpp_sde"},
                                        {"DPM++ 3M", "dpmpp_3m"},
                                        {"DPM++ 2M EDM", "edm_dpmpp_2m"},
                                        {"Euler EDM", "edm_euler"},
                                        {"Euler FlowMatch", "euler"},
                                        {"Heun FlowMatch", "heun"},
                                        {"DPM++ 1S", "!dpmpp_2s"},
                                        {"DPM++", "!dpmpp_2m"},
                                        {"KDPM2 a", "dpm2_a"},
                                        {"BDIA DDIM", "!ddim"},
                                        {"DC Solver", "!unipc"},
                                        {"SA Solver", "sa_solver"},
                                        {"Euler A Trailing", "euler_a trailing"},
                                        {"DPM++ 2M AYS", "dpmpp_2m ays"},
                                        {"DPM++ SDE Substep", "!dpmpp_sde"}}));
}

TEST(NamesOfTools, KnowTheNumbersOfDiffusionDb) {
  expect_samplers(std::to_array<Label>({{"1", "ddim"},
                                        {"2", "pndm"},
                                        {"3", "euler"},
                                        {"4", "euler_a"},
                                        {"5", "heun"},
                                        {"6", "dpm2"},
                                        {"7", "dpm2_a"},
                                        {"8", "lms"},
                                        {"9", "!"}}));
}

constexpr auto kClasses = std::to_array<Label>({{"AmusedScheduler", "!"},
                                                {"BlockRefinementScheduler", "!"},
                                                {"CMStochasticIterativeScheduler", "!lcm"},
                                                {"CogVideoXDDIMScheduler", "!ddim"},
                                                {"CogVideoXDPMScheduler", "!dpmpp_2m_sde"},
                                                {"ConsistencyDecoderScheduler", "!lcm"},
                                                {"CosineDPMSolverMultistepScheduler", "!edm_dpmpp_2m"},
                                                {"DDIMInverseScheduler", "!ddim"},
                                                {"DDIMParallelScheduler", "ddim"},
                                                {"DDIMScheduler", "ddim"},
                                                {"DDPMParallelScheduler", "ddpm"},
                                                {"DDPMScheduler", "ddpm"},
                                                {"DDPMWuerstchenScheduler", "!ddpm"},
                                                {"DEISMultistepScheduler", "deis"},
                                                {"DPMSolverMultistepInverseScheduler", "!dpmpp_2m"},
                                                {"DPMSolverMultistepScheduler", "dpmpp_2m"},
                                                {"DPMSolverSDEScheduler", "dpmpp_sde"},
                                                {"DPMSolverSinglestepScheduler", "dpmpp_2s"},
                                                {"EDMDPMSolverMultistepScheduler", "edm_dpmpp_2m"},
                                                {"EDMEulerScheduler", "edm_euler"},
                                                {"EulerAncestralDiscreteScheduler", "euler_a"},
                                                {"EulerDiscreteScheduler", "euler"},
                                                {"FlowMatchEulerDiscreteScheduler", "euler"},
                                                {"FlowMatchHeunDiscreteScheduler", "heun"},
                                                {"FlowMatchLCMScheduler", "!lcm"},
                                                {"HeunDiscreteScheduler", "heun"},
                                                {"IPNDMScheduler", "ipndm"},
                                                {"KDPM2AncestralDiscreteScheduler", "dpm2_a"},
                                                {"KDPM2DiscreteScheduler", "dpm2"},
                                                {"KarrasVeScheduler", "!edm_euler"},
                                                {"LCMScheduler", "lcm"},
                                                {"LMSDiscreteScheduler", "lms"},
                                                {"PNDMScheduler", "pndm"},
                                                {"RePaintScheduler", "!ddpm"},
                                                {"SASolverScheduler", "sa_solver"},
                                                {"SCMScheduler", "!lcm"},
                                                {"ScoreSdeVeScheduler", "langevin"},
                                                {"ScoreSdeVpScheduler", "!langevin"},
                                                {"TCDScheduler", "tcd"},
                                                {"UnCLIPScheduler", "!ddpm"},
                                                {"UniPCMultistepScheduler", "unipc"},
                                                {"VQDiffusionScheduler", "!"}});

TEST(NamesOfTools, KnowTheClassesOfDiffusersWithAndWithoutTheWordScheduler) {
  expect_samplers(kClasses);
  constexpr std::size_t kWord = std::string_view("Scheduler").size();
  for (const Label& row : kClasses) {
    const Label without{.label = row.label.substr(0, row.label.size() - kWord), .meaning = row.meaning};
    expect_samplers(std::span(&without, 1));
  }
}

}  // namespace
}  // namespace txt2img

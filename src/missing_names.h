// Samplers and schedules of diffusers, AUTOMATIC1111, ComfyUI and stable-diffusion.cpp that this version does not have:
// a message can say so instead of calling them unknown.
#pragma once

#include <array>
#include <string_view>

namespace txt2img {

inline constexpr auto kMissingSamplers = std::to_array<std::string_view>({
    "dpm++2mv2",
    "dpmpp_2s_a",
    "dpmpp_2s_ancestral",
    "dpm_fast",
    "dpm_adaptive",
    "ipndm_v",
    "restart",
    "res_multistep",
    "res_2s",
    "er_sde",
    "DDIM CFG++",
    "DDIMInverseScheduler",
    "CogVideoXDDIMScheduler",
    "CogVideoXDPMScheduler",
});
inline constexpr auto kMissingSchedules = std::to_array<std::string_view>({
    "polyexponential",
    "gits",
    "turbo",
    "kl_optimal",
    "smoothstep",
    "bong_tangent",
});

}  // namespace txt2img

// The samplers, one maker each; make_sampler() chooses among them.
#pragma once

#include <memory>

#include "sampler/sampler.h"

namespace txt2img {

using SamplerPtr = std::unique_ptr<Sampler>;

SamplerPtr make_ddpm(const SamplerOptions& options);
SamplerPtr make_ddim(const SamplerOptions& options);
SamplerPtr make_euler_ancestral();
SamplerPtr make_lcm(const SchedulerConfig& config);
SamplerPtr make_tcd(const SamplerOptions& options);

SamplerPtr make_euler(const SamplerOptions& options, const SchedulerConfig& config);
SamplerPtr make_heun(const SchedulerConfig& config);
SamplerPtr make_dpm2();
SamplerPtr make_dpm2_ancestral();
SamplerPtr make_dpmpp_sde(const SamplerOptions& options);

SamplerPtr make_lms(const SamplerOptions& options);
SamplerPtr make_pndm(const SamplerOptions& options, const SchedulerConfig& config);
SamplerPtr make_ipndm();
SamplerPtr make_deis(const SamplerOptions& options);

enum class Noise { kNone, kEachStep };
SamplerPtr make_dpm_multistep(const SamplerOptions& options, int order, Noise noise);
SamplerPtr make_dpm_singlestep(const SamplerOptions& options);
SamplerPtr make_unipc(const SamplerOptions& options);
SamplerPtr make_sa_solver(const SamplerOptions& options, const SchedulerConfig& config);
SamplerPtr make_langevin(const SamplerOptions& options);

}  // namespace txt2img

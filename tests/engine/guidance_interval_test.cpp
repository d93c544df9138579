// Guidance in a part of the run, with every sampler.
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fixtures/drawer.h"
#include "fixtures/toy_bundle.h"
#include "module/denoiser.h"
#include "sampler/picture_noise.h"
#include "txt2img/schedule.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

struct Variant {
  SamplerKind sampler{};
  SolverType type{};
};

std::vector<Variant> all_variants() {
  std::vector<Variant> variants;
  for (const SamplerInfo& sampler : samplers()) {
    variants.push_back({.sampler = sampler.kind});
    for (const SolverType type : sampler.solver.types) variants.push_back({.sampler = sampler.kind, .type = type});
  }
  return variants;
}

std::string title(const testing::TestParamInfo<Variant>& instance) {
  const std::string sampler(info(instance.param.sampler).name);
  const SolverType type = instance.param.type;
  return type == SolverType::kAuto ? sampler : sampler + "_" + std::string(name_of(type));
}

class GuidedSampler : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(GuidanceInterval, GuidedSampler, testing::ValuesIn(all_variants()), title);

// Its answer depends on all that it is told.
constexpr const char* kUnet = R"(
def forward(self, latent, timestep, context):
    told = (context.mean([1, 2]) - 4).view(-1, 1, 1, 1) * (timestep / 1000).view(-1, 1, 1, 1)
    return (latent * 0.5 + told) * self.one
)";

at::Tensor predict(const at::Tensor& latent, double timestep, const Conditioning& conditioning) {
  const at::Tensor told = (conditioning[UnetInput::kContext].mean({1, 2}) - 4).view({-1, 1, 1, 1});
  const at::Tensor time = at::full({latent.size(0)}, timestep, at::kFloat) / 1000;
  return latent * 0.5 + told * time.view({-1, 1, 1, 1});
}

Conditioning conditioning_of(std::int64_t id) {
  Conditioning conditioning;
  std::vector<float> ids(8, 513);
  ids[0] = 512;
  ids[1] = static_cast<float>(id);
  conditioning[UnetInput::kContext] = at::tensor(ids).view({1, 8, 1}) / 100;
  return conditioning;
}

constexpr std::int64_t kEos = 513;
constexpr std::int64_t kZ = 'z' - '!' + 256;  // the toy's 'z</w>'

// The run with a denoiser that is changed by hand: guided from step `begin` of 8 on, until before `end`.
std::string latent_of(const Settings& what, const Bundle& bundle, int begin, int end) {
  const c10::InferenceMode guard;
  DenoiserOptions options = denoiser_options(bundle.scheduler, what.sampler, what.sampler_options);
  options.guidance = what.guidance;
  const Denoiser guided(predict, options, conditioning_of(kEos), conditioning_of(kZ));
  const Denoiser plain(predict, options, conditioning_of(kEos), std::nullopt);
  const Trajectory trajectory = plan_trajectory(NoiseSchedule(bundle.scheduler), bundle.scheduler, what.sampler,
                                                what.schedule, what.steps, what.sampler_options);
  const auto sampler = make_sampler(what.sampler, what.sampler_options, bundle.scheduler);
  PictureNoise noise({&what.seed, 1}, {1, 4, 2, 2}, at::kCPU);
  at::Tensor x = trajectory.init_scale * noise.draw();
  int step = -1;
  for (const Step& call : trajectory.steps) {
    if (!call.is_further_call) ++step;
    const Denoise denoise = begin <= step && step < end ? guided : plain;
    x = sampler->step(x, call, denoise, [&] { return noise.draw(); });
  }
  EXPECT_EQ(step, 7);
  x = (trajectory.final_scale * x).contiguous();
  return sha256_hex({static_cast<const std::byte*>(x.const_data_ptr()), x.nbytes()});
}

Bundle bundle_for(const ToyBundle& toy, SamplerKind sampler) {
  Bundle bundle = toy.bundle();
  bundle.scheduler.prediction_type = PredictionType::kEpsilon;
  if (!info(sampler).models.contains(ModelKind::kDiffusion)) bundle.scheduler.sigma_data = 0.5;
  return bundle;
}

TEST_P(GuidedSampler, IsGuidedInTheStepsOfTheInterval) {
  const ToyBundle toy({.unet = kUnet});
  const Bundle bundle = bundle_for(toy, GetParam().sampler);
  Drawer pipeline(bundle, on_cpu());
  Settings what{.negative = "z", .seed = 7, .steps = 8, .guidance = 4, .width = 16, .height = 16};
  what.sampler = GetParam().sampler;
  what.sampler_options.solver_type = GetParam().type;
  const auto drawn = [&](double begin, double end) {
    what.guidance_interval = {begin, end};
    return draw_one(pipeline, what).stages.latent;
  };
  EXPECT_EQ(drawn(0.25, 0.75), latent_of(what, bundle, 2, 6));
  EXPECT_EQ(drawn(0, 0.1), latent_of(what, bundle, 0, 1));
  EXPECT_EQ(drawn(0.3, 1), latent_of(what, bundle, 3, 8));
  EXPECT_EQ(drawn(0, 1), latent_of(what, bundle, 0, 8));
  EXPECT_NE(drawn(0.25, 0.75), drawn(0, 1));
}

}  // namespace
}  // namespace txt2img

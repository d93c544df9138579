#include "module/unet.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

#include "fixtures/toy_bundle.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

// Answers with its inputs, each in a channel of its own.
const ToyCode& echo() {
  static const ToyCode code{.unet = R"(
def forward(self, latent, timestep, context, pooled, time_ids, guidance):
    t = timestep.view(-1, 1, 1, 1).to(latent.dtype)
    w = guidance.view(-1, 1, 1, 1).to(latent.dtype)
    p = (context.mean([1, 2]) + pooled.mean(1)).view(-1, 1, 1, 1)
    s = time_ids[:, 0].view(-1, 1, 1, 1).to(latent.dtype)
    return torch.cat([t, w, p, s], 1).expand(latent.size(0), 4, latent.size(2), latent.size(3))
)"};
  return code;
}

Conditioning context_of_ones() {
  Conditioning conditioning;
  conditioning[UnetInput::kContext] = at::ones({1, 3, 1});
  return conditioning;
}

TEST(Unet, HandsOverTheInputsThatTheBundleNames) {
  const ToyBundle toy(echo());
  Bundle bundle = toy.bundle();
  bundle.unet.inputs = {UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext,
                        UnetInput::kPooled, UnetInput::kTimeIds,  UnetInput::kGuidance};
  const Unet unet(bundle, at::kCPU, at::kFloat);
  EXPECT_TRUE(unet.takes(UnetInput::kGuidance));
  Conditioning conditioning;
  conditioning[UnetInput::kContext] = at::full({2, 3, 4}, 1.5);
  conditioning[UnetInput::kPooled] = at::full({2, 5}, 0.25);
  conditioning[UnetInput::kTimeIds] = at::full({2, 6}, 64.0);
  conditioning[UnetInput::kGuidance] = at::full({2}, 7.5);
  const at::Tensor output = unet.predict(at::zeros({2, 4, 3, 5}), 12.5, conditioning);
  const at::Tensor pixel = output[1].select(1, 2).select(1, 4);
  EXPECT_EQ(pixel[0].item<float>(), 12.5F);
  EXPECT_EQ(pixel[1].item<float>(), 7.5F);
  EXPECT_EQ(pixel[2].item<float>(), 1.75F);
  EXPECT_EQ(pixel[3].item<float>(), 64.0F);
}

TEST(Conditioning, IsFollowedByAnotherInputByInput) {
  Conditioning first;
  first[UnetInput::kContext] = at::ones({1, 3, 1});
  Conditioning second;
  second[UnetInput::kContext] = at::zeros({2, 3, 1});
  const Conditioning both = first.followed_by(second);
  EXPECT_EQ(both[UnetInput::kContext].sizes(), (std::vector<std::int64_t>{3, 3, 1}));
  EXPECT_EQ(both[UnetInput::kContext].select(0, 0).sum().item<float>(), 3);
  EXPECT_FALSE(both[UnetInput::kPooled].defined());
}

TEST(Unet, AnswersInFloat32WhateverItComputesIn) {
  const ToyBundle toy;
  const Unet unet(toy.bundle(), at::kCPU, at::kBFloat16);
  EXPECT_FALSE(unet.takes(UnetInput::kPooled));
  const at::Tensor output = unet.predict(at::zeros({1, 4, 2, 2}), 1, context_of_ones());
  EXPECT_EQ(output.scalar_type(), at::kFloat);
  EXPECT_EQ(output.mean().item<float>(), 1);
}

TEST(Unet, RefusesAnOutputOfAnotherSize) {
  const ToyBundle toy({.unet = "def forward(self, latent, timestep, context):\n    return latent[:, :3]\n"});
  const Unet unet(toy.bundle(), at::kCPU, at::kFloat);
  EXPECT_THROW(static_cast<void>(unet.predict(at::zeros({1, 4, 2, 2}), 1, context_of_ones())), Error);
}

}  // namespace
}  // namespace txt2img

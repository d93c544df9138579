#include "pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/drawer.h"
#include "fixtures/toy_bundle.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

Settings settings(const std::string& prompt, std::uint64_t seed = 0) {
  return {.prompt = prompt,
          .negative = {},
          .seed = seed,
          .steps = 3,
          .guidance = 1,
          .width = 24,
          .height = 16,
          .sampler = SamplerKind::kEuler};
}

// Ids of the empty prompt: bos 512 and seven of eos 513.
constexpr double kEmptyMean = (512 + 7 * 513) / 8.0 / 100;

std::uint8_t byte_of(double latent) {
  return static_cast<std::uint8_t>(std::nearbyint(std::clamp(latent / 2 * 0.5 + 0.5, 0.0, 1.0) * 255));
}

void expect_flat(const Image& image, std::uint8_t value) {
  for (const std::uint8_t byte : image.rgb) ASSERT_EQ(byte, value);
}

// A UNet that predicts -5 + mean(context), so that the pictures are not saturated.
const ToyCode& centred() {
  static const ToyCode code{.unet = R"(
def forward(self, latent, timestep, context):
    return torch.zeros_like(latent) + (context.mean([1, 2]).view(-1, 1, 1, 1) - 5) * self.one
)"};
  return code;
}

TEST(Pipeline, DrawsThePictureOfThePrompt) {
  const ToyBundle toy(centred());
  Drawer pipeline(toy.bundle(), on_cpu());
  const Picture picture = draw_one(pipeline, settings(""));
  EXPECT_EQ(picture.image.width, 24);
  EXPECT_EQ(picture.image.height, 16);
  expect_flat(picture.image, byte_of(kEmptyMean - 5));
  EXPECT_NE(draw_one(pipeline, settings("a")).image, picture.image);
}

TEST(Pipeline, GuidesAwayFromTheNegativePrompt) {
  const ToyBundle toy(centred());
  Drawer pipeline(toy.bundle(), on_cpu());
  Settings what = settings("");
  what.guidance = 4;
  what.negative = "z";
  // The toy's 'z</w>' replaces one of the eos.
  const int z = 'z' - '!' + 256;
  const double negative_mean = (512 + z + 6 * 513) / 8.0 / 100;
  const double guided = negative_mean - 5 + 4 * (kEmptyMean - negative_mean);
  expect_flat(draw_one(pipeline, what).image, byte_of(guided));
}

TEST(Pipeline, GuidesTheStepsOfTheIntervalOnly) {
  const ToyBundle toy(centred());
  Drawer pipeline(toy.bundle(), on_cpu());
  Settings what = settings("");
  what.steps = 4;
  what.guidance = 4;
  what.negative = "z";
  // Euler on a network that gives x_0 lands on the last of its answers.
  what.guidance_interval = {0, 0.75};
  expect_flat(draw_one(pipeline, what).image, byte_of(kEmptyMean - 5));
  what.guidance_interval = {0.75, 1};
  const Image last = draw_one(pipeline, what).image;
  what.guidance_interval = {0, 1};
  EXPECT_EQ(draw_one(pipeline, what).image, last);
  EXPECT_NE(last.rgb.front(), byte_of(kEmptyMean - 5));
}

TEST(Pipeline, TakesTheContextOfTheClipSkip) {
  const ToyBundle toy({.unet = R"(
def forward(self, latent, timestep, context):
    return torch.zeros_like(latent) + (context.mean([1, 2]).view(-1, 1, 1, 1) - 10) * self.one
)"});
  Drawer pipeline(toy.bundle(), on_cpu());
  Settings what = settings("");
  what.clip_skip = 2;
  expect_flat(draw_one(pipeline, what).image, byte_of(2 * kEmptyMean - 10));
}

// Noise through and through: epsilon = 0 makes the latent alpha-scaled noise, so seeds and batches show.
const ToyCode& noisy() {
  static const ToyCode code{.unet =
                                "def forward(self, latent, timestep, context):\n    return latent * 0.9 * self.one\n"};
  return code;
}

TEST(Pipeline, DrawsTheSamePictureForTheSameSeedOnly) {
  const ToyBundle toy(noisy());
  Drawer pipeline(toy.bundle(), on_cpu());
  const Picture first = draw_one(pipeline, settings("", 7));
  const Picture again = draw_one(pipeline, settings("", 7));
  const Picture other = draw_one(pipeline, settings("", 8));
  EXPECT_EQ(first.image, again.image);
  EXPECT_EQ(first.stages, again.stages);
  EXPECT_NE(first.image, other.image);
  EXPECT_NE(first.stages.noise, other.stages.noise);
  EXPECT_EQ(first.stages.ids, other.stages.ids);
}

TEST(Pipeline, DrawsAPictureInABatchAsItDoesAlone) {
  const ToyBundle toy(noisy());
  Drawer pipeline(toy.bundle(), on_cpu());
  for (const SamplerInfo& sampler : samplers()) {
    const bool is_edm = sampler.kind == SamplerKind::kEdmEuler || sampler.kind == SamplerKind::kEdmDpmpp2m;
    if (is_edm || sampler.kind == SamplerKind::kPndm) continue;  // not with this model
    std::vector<Settings> batch = {settings("a", 1), settings("b", 2), settings("c", 3)};
    for (Settings& what : batch) what.sampler = sampler.kind;
    const std::vector<Picture> together = draw_all(pipeline, batch);
    ASSERT_EQ(together.size(), batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Picture alone = draw_one(pipeline, batch[i]);
      EXPECT_EQ(together[i].image, alone.image) << sampler.name;
      EXPECT_EQ(together[i].stages, alone.stages) << sampler.name;
    }
  }
}

// SHA-256 of torch.randn((1, 4, 2, 3), generator=torch.Generator("cpu").manual_seed(1234)) in Python.
TEST(Pipeline, DrawsTheNoiseOfTheReferencesCpuGenerator) {
  const ToyBundle toy;
  Drawer pipeline(toy.bundle(), on_cpu());
  EXPECT_EQ(draw_one(pipeline, settings("", 1234)).stages.noise,
            "c5b7e427f67a6e8c80ff30234d77b2bf3170a656660670b892a6b06e1c459558");
}

TEST(Pipeline, TellsItsProgress) {
  const ToyBundle toy;
  Drawer pipeline(toy.bundle(), on_cpu());
  std::vector<int> told;
  const std::vector<Settings> batch{settings("")};
  pipeline.draw(batch, {.on_step = [&](int done, int steps) {
                  told.push_back(done);
                  EXPECT_EQ(steps, 3);
                }});
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2, 3}));
}

ExitCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::kDone;
}

TEST(Pipeline, StopsWithinOneStep) {
  const ToyBundle toy;
  Drawer pipeline(toy.bundle(), on_cpu());
  int asked = 0;
  const Observer observer{.is_cancelled = [&] { return ++asked == 2; }};
  const std::vector<Settings> batch{settings("")};
  EXPECT_EQ(code_of([&] { pipeline.draw(batch, observer); }), ExitCode::kInterrupted);
  EXPECT_EQ(asked, 2);
}

TEST(Pipeline, RefusesABatchOfDifferentSizes) {
  const ToyBundle toy;
  Drawer pipeline(toy.bundle(), on_cpu());
  std::vector<Settings> batch{settings("a"), settings("b")};
  batch[1].width = 16;
  EXPECT_EQ(code_of([&] { pipeline.draw(batch, {}); }), ExitCode::kUsage);
}

TEST(Pipeline, NeverDrawsAPictureOfNan) {
  const ToyBundle toy({.vae_decoder = R"(
def forward(self, latent):
    return (latent[:, :3] * self.one / 0.0 * 0.0).repeat_interleave(8, 2).repeat_interleave(8, 3)
)"});
  Drawer pipeline(toy.bundle(), on_cpu());
  EXPECT_EQ(code_of([&] { draw_one(pipeline, settings("")); }), ExitCode::kInternal);
}

TEST(Pipeline, RunsAnOverflowingHalfPrecisionVaeAgainInFloat32) {
  const ToyBundle toy({.unet = centred().unet, .vae_decoder = R"(
def forward(self, latent):
    big = self.one * 60000 * 2
    return (latent[:, :3] * big / 120000).repeat_interleave(8, 2).repeat_interleave(8, 3)
)"});
  EngineOptions options = on_cpu();
  options.vae_precision = Precision::kFloat16;
  Drawer pipeline(toy.bundle(), options);
  std::string warning;
  const std::vector<Settings> batch{settings("")};
  const Picture picture =
      draw_all(pipeline, batch, {.on_warning = [&](const std::string& text) { warning = text; }}).front();
  EXPECT_EQ(picture.retries, std::vector{Retry::kVaeFloat32});
  EXPECT_NE(warning.find("float32"), std::string::npos);
  expect_flat(picture.image, byte_of(kEmptyMean - 5));
}

// The decoder takes the logarithm of a latent, which is below zero for "a".
TEST(Pipeline, HandsOverThePicturesThatCanBeDecoded) {
  const ToyBundle toy({.unet = centred().unet, .vae_decoder = R"(
def forward(self, latent):
    rgb = latent[:, :3] * self.one
    return (rgb + torch.log(rgb) * 0).repeat_interleave(8, 2).repeat_interleave(8, 3)
)"});
  Drawer pipeline(toy.bundle(), on_cpu());
  std::vector<std::size_t> ready;
  const Observer observer{.on_picture = [&](std::size_t index, const Picture& picture) {
    ready.push_back(index);
    expect_flat(picture.image, byte_of(kEmptyMean - 5));
  }};
  const std::vector<Settings> batch{settings(""), settings("a"), settings("")};
  EXPECT_EQ(code_of([&] { pipeline.draw(batch, observer); }), ExitCode::kInternal);
  EXPECT_EQ(ready, (std::vector<std::size_t>{0, 2}));
}

// The encoder counts its calls in what it returns.
const ToyCode& counting() {
  static const ToyCode code{.text_encoder = R"(
def forward(self, ids):
    self.index.add_(1)
    context = (ids.unsqueeze(-1) / 100).to(self.one.dtype) * self.index[0]
    return torch.stack([context, context * 2]), context[:, 0, :0]
)"};
  return code;
}

TEST(Pipeline, EncodesATextOnce) {
  const ToyBundle toy(counting());
  Drawer pipeline(toy.bundle(), on_cpu());
  const std::string first = draw_one(pipeline, settings("a")).stages.context;
  const std::string second = draw_one(pipeline, settings("b")).stages.context;
  EXPECT_EQ(draw_one(pipeline, settings("a", 1)).stages.context, first);
  const std::vector<Settings> batch{settings("b"), settings("a")};
  EXPECT_EQ(draw_all(pipeline, batch).front().stages.context, second);
  EXPECT_EQ(draw_all(pipeline, batch).back().stages.context, first);
}

TEST(Pipeline, KeepsATextThatIsAskedForAgainAndAgain) {
  const ToyBundle toy(counting());
  Drawer pipeline(toy.bundle(), on_cpu());
  const std::string first = draw_one(pipeline, settings("a")).stages.context;
  for (int k = 0; k < 70; ++k) {
    draw_one(pipeline, settings(std::to_string(k)));
    ASSERT_EQ(draw_one(pipeline, settings("a")).stages.context, first) << k;
  }
}

TEST(Pipeline, HoldsOneModuleAtATimeInLowMemory) {
  const ToyBundle toy(centred());
  EngineOptions options = on_cpu();
  Drawer roomy(toy.bundle(), options);
  options.memory = MemoryUse::kLow;
  Drawer tight(toy.bundle(), options);
  EXPECT_EQ(draw_one(tight, settings("")).image, draw_one(roomy, settings("")).image);
  std::filesystem::remove(toy.folder() / "unet.pt");
  EXPECT_NO_THROW(draw_one(roomy, settings("a")));
  EXPECT_THROW(draw_one(tight, settings("a")), Error);
}

TEST(Pipeline, HoldsNothingInLowMemoryAfterAnError) {
  const ToyBundle toy(centred());
  EngineOptions options = on_cpu();
  options.memory = MemoryUse::kLow;
  Drawer pipeline(toy.bundle(), options);
  const Observer stop{.is_cancelled = [] { return true; }};
  const std::vector<Settings> batch{settings("")};
  EXPECT_EQ(code_of([&] { pipeline.draw(batch, stop); }), ExitCode::kInterrupted);
  std::filesystem::remove(toy.folder() / "unet.pt");
  EXPECT_EQ(code_of([&] { pipeline.draw(batch, {}); }), ExitCode::kBadData);
}

TEST(Pipeline, ZeroesAnEmptyNegativePromptOnlyThere) {
  const ToyBundle toy(centred());
  Bundle bundle = toy.bundle();
  bundle.text_encoder.zero_empty_negative = true;
  Drawer pipeline(bundle, on_cpu());
  Settings guided = settings("");
  guided.guidance = 4;
  for (int k = 0; k < 2; ++k) {
    expect_flat(draw_one(pipeline, guided).image, byte_of(4 * kEmptyMean - 5));
    expect_flat(draw_one(pipeline, settings("")).image, byte_of(kEmptyMean - 5));
  }
}

TEST(Pipeline, SaysAtOnceThatAVaeCannotBeTiled) {
  const ToyBundle toy;
  EngineOptions options = on_cpu();
  options.vae_tiling = VaeTiling::kOn;
  for (const MemoryUse memory : {MemoryUse::kNormal, MemoryUse::kLow}) {
    options.memory = memory;
    EXPECT_EQ(code_of([&] { Pipeline(toy.bundle(), options); }), ExitCode::kUsage);
  }
}

// Its first call wants more memory than there is.
TEST(Pipeline, DecodesInTilesWhenMemoryRunsOut) {
  const std::string enlarge = "    y = torch.upsample_nearest2d(y, None, [2.0, 2.0])\n";
  const ToyBundle toy({.unet = centred().unet, .vae_decoder = R"(
def forward(self, latent):
    self.index.add_(1)
    y = latent + torch.zeros([1 + (1 << 46) * int(self.index[0] == 1)]).sum() * self.one
)" + enlarge + enlarge + enlarge + R"(
    return torch._convolution(y, self.rgb, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, False, False, True, True)
)"});
  EngineOptions options = on_cpu();
  const std::vector<Settings> batch{settings("")};
  options.vae_tiling = VaeTiling::kOff;
  Drawer whole(toy.bundle(), options);
  EXPECT_EQ(code_of([&] { whole.draw(batch, {}); }), ExitCode::kUnavailable);
  options.vae_tiling = VaeTiling::kAuto;
  Drawer pipeline(toy.bundle(), options);
  std::string warning;
  const Observer observer{.on_warning = [&](const std::string& text) { warning = text; }};
  const Picture picture = draw_all(pipeline, batch, observer).front();
  expect_flat(picture.image, byte_of(kEmptyMean - 5));
  EXPECT_EQ(picture.retries, std::vector{Retry::kVaeTiled});
  EXPECT_NE(warning.find("tiles"), std::string::npos);
}

TEST(Pipeline, TellsWhichSwitchesAreNotTheDefault) {
  const ToyBundle toy;
  EngineOptions options = on_cpu();
  EXPECT_EQ(Pipeline(toy.bundle(), options).facts().switches, "");
  options.switches.cpu.winograd = false;
  options.switches.cuda.graph = false;
  EXPECT_EQ(Pipeline(toy.bundle(), options).facts().switches, "attention,packed");
}

TEST(Pipeline, RefusesADeviceThatIsNotThere) {
  const ToyBundle toy;
  EngineOptions options = on_cpu();
  options.device = "cuda:99";
  EXPECT_EQ(code_of([&] { Pipeline(toy.bundle(), options); }), ExitCode::kUnavailable);
  options.device = "tpu";
  EXPECT_EQ(code_of([&] { Pipeline(toy.bundle(), options); }), ExitCode::kUsage);
}

}  // namespace
}  // namespace txt2img

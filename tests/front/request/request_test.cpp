#include "txt2img/request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "fixtures/expect_error.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

using namespace std::string_literals;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Bundle make_bundle() {
  Bundle bundle;
  bundle.text_encoder.clip_skips = 2;
  bundle.vae.factor = 8;
  bundle.scheduler.timestep_spacing = Spacing::kTrailing;
  bundle.defaults = {.width = 448,
                     .height = 640,
                     .steps = 30,
                     .guidance = 5.5,
                     .sampler = SamplerKind::kDpmpp2m,
                     .schedule = ScheduleKind::kKarras,
                     .size_multiple = 8,
                     .negative = "blurry"};
  return bundle;
}

Settings full_settings() {
  return {.prompt = "two red apples",
          .negative = "grey",
          .seed = 7,
          .steps = 12,
          .guidance = 3.25,
          .guidance_rescale = 0.7,
          .width = 512,
          .height = 64,
          .sampler = SamplerKind::kDdim,
          .schedule = ScheduleKind::kTrailing,
          .sampler_options = {.eta = 0.5},
          .clip_skip = 2};
}

Request full_request() {
  Request request;
  request.ask_all(full_settings());
  request.count = 3;
  return request;
}

// Asks for a prompt and a seed only.
Request short_request(const std::string& prompt) {
  return Request().ask(&Settings::prompt, prompt).ask(&Settings::seed, 7);
}

// The message for the full request after one change.
template <typename Change>
std::string refusal(const Change& change, const Bundle& bundle = make_bundle()) {
  Request request = full_request();
  change(request);
  return expect_error(ExitCode::kUsage, [&] { settle(request, bundle); });
}

template <typename Change>
void expect_fine(const Change& change, const Bundle& bundle = make_bundle()) {
  Request request = full_request();
  change(request);
  EXPECT_NO_THROW(settle(request, bundle));
}

TEST(Request, TakesWhatWasAskedFor) { EXPECT_EQ(settle(full_request(), make_bundle()), full_settings()); }

TEST(Request, TakesTheRestFromTheBundle) {
  const Settings expected = {.prompt = "p",
                             .negative = "blurry",
                             .seed = 7,
                             .steps = 30,
                             .guidance = 5.5,
                             .guidance_rescale = 0,
                             .width = 448,
                             .height = 640,
                             .sampler = SamplerKind::kDpmpp2m,
                             .schedule = ScheduleKind::kKarras,
                             .sampler_options = {.eta = 0},
                             .clip_skip = 1};
  EXPECT_EQ(settle(short_request("p"), make_bundle()), expected);
  EXPECT_EQ(settle(short_request("p").ask(&Settings::negative, ""), make_bundle()).negative, "");
}

TEST(Request, NamesTheNearestSizes) {
  EXPECT_EQ(refusal([](Request& r) { r.ask(&Settings::width, 500); }),
            "width 500 is not a multiple of 8; use 496 or 504");
  EXPECT_EQ(refusal([](Request& r) { r.ask(&Settings::height, 65); }),
            "height 65 is not a multiple of 8; use 64 or 72");
  EXPECT_EQ(refusal([](Request& r) { r.ask(&Settings::width, 16383); }),
            "width 16383 is not a multiple of 8; use 16376 or 16384");
  Bundle bundle = make_bundle();
  bundle.defaults.size_multiple = 48;  // 16384 is not one
  EXPECT_EQ(refusal(
                [](Request& r) {
                  r.ask(&Settings::width, 100);
                  r.ask(&Settings::height, 48);
                },
                bundle),
            "width 100 is not a multiple of 48; use 96 or 144");
}

TEST(Request, KeepsSizesWithinTheLimits) {
  for (const int size : {0, -8, 4, 16392, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    EXPECT_EQ(refusal([&](Request& r) { r.ask(&Settings::width, size); }),
              "width " + std::to_string(size) + " is out of range; use 8 to 16384 in multiples of 8");
    refusal([&](Request& r) { r.ask(&Settings::height, size); });
  }
  for (const int size : {8, 16384})
    expect_fine([&](Request& r) { r.ask(&Settings::width, size).ask(&Settings::height, size); });
}

TEST(Request, SizesAreMultiplesOfTheVaeFactorToo) {
  Bundle bundle = make_bundle();
  bundle.defaults.size_multiple = 12;
  const auto square = [](int side) {
    return [side](Request& r) { r.ask(&Settings::width, side).ask(&Settings::height, side); };
  };
  EXPECT_EQ(refusal(square(36), bundle), "width 36 is not a multiple of 24; use 24 or 48");
  expect_fine(square(48), bundle);
}

TEST(Request, KeepsNumbersWithinTheirRanges) {
  for (const int steps : {0, -1, 1001}) {
    EXPECT_EQ(refusal([&](Request& r) { r.ask(&Settings::steps, steps); }),
              "steps " + std::to_string(steps) + " is out of range; use 1 to 1000 with this model");
  }
  for (const double guidance : {-0.1, 1000.5, kNan, kInfinity, -kInfinity}) {
    refusal([&](Request& r) { r.ask(&Settings::guidance, guidance); });
  }
  EXPECT_EQ(refusal([](Request& r) { r.ask(&Settings::guidance, kNan); }),
            "guidance nan is out of range; use 0 to 1000");
  for (const double part : {-0.1, 1.1, kNan, kInfinity}) {
    refusal([&](Request& r) { r.ask(&Settings::guidance_rescale, part); });
    refusal([&](Request& r) { r.ask(&SamplerOptions::eta, part); });
  }
  for (const int skip : {0, -1, 3}) refusal([&](Request& r) { r.ask(&Settings::clip_skip, skip); });
  for (const int count : {0, -1, 1000001}) refusal([&](Request& r) { r.count = count; });
}

TEST(Request, TakesTheEndsOfTheRanges) {
  for (const int steps : {1, 1000}) expect_fine([&](Request& r) { r.ask(&Settings::steps, steps); });
  for (const double guidance : {0.0, 1000.0}) expect_fine([&](Request& r) { r.ask(&Settings::guidance, guidance); });
  for (const double part : {0.0, 1.0})
    expect_fine([&](Request& r) { r.ask(&Settings::guidance_rescale, part).ask(&SamplerOptions::eta, part); });
  expect_fine([](Request& r) { r.count = kCountMax; });
}

TEST(Request, GuidanceActsInAnIntervalOfTheRun) {
  const auto ask = [](const std::vector<double>& interval) {
    return [=](Request& r) { r.ask(&Settings::guidance_interval, interval); };
  };
  expect_fine(ask({0, 1}));
  expect_fine(ask({0.25, 0.5}));
  for (const std::vector<double>& wrong : std::vector<std::vector<double>>{
           {}, {0.5}, {0.1, 0.5, 0.9}, {0.5, 0.5}, {0.6, 0.5}, {-0.1, 0.5}, {0.5, 1.1}, {kNan, 1}, {0, kNan}})
    EXPECT_NE(refusal(ask(wrong)).find("give BEGIN,END with 0 <= BEGIN < END <= 1"), std::string::npos);
  EXPECT_EQ(refusal(ask({0.01, 0.05})),
            "guidance_interval 0.01,0.05 holds none of 12 steps; for no guidance give guidance 1");
  Bundle distilled = make_bundle();
  distilled.unet.inputs = {UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext, UnetInput::kGuidance};
  EXPECT_TRUE(refusal(ask({0, 0.5}), distilled).starts_with("guidance_interval has no meaning for this model"));
}

TEST(Request, AnIntervalHasOneSpelling) {
  Request request;
  request.ask(&Settings::guidance_interval, {-0.0, 0.5});
  EXPECT_EQ(setting_text(settle(request, make_bundle()), *setting_named("guidance_interval")), "0,0.5");
}

TEST(Request, AnIntervalHasItsBeginButNotItsEnd) {
  const Settings settings{.guidance_interval = {0.25, 0.75}};
  std::string guided;
  for (int step = 0; step < 8; ++step) guided += settings.is_guided_at(step, 8) ? 'g' : '-';
  EXPECT_EQ(guided, "--gggg--");
  for (int step = 0; step < 8; ++step) EXPECT_TRUE(Settings{}.is_guided_at(step, 8));
}

TEST(Request, StepsDoNotPassTheLimitWhateverTheModel) {
  Bundle bundle = make_bundle();
  bundle.scheduler.num_train_timesteps = 20000;
  const std::string message = refusal([](Request& r) { r.ask(&Settings::steps, 10001); }, bundle);
  EXPECT_NE(message.find("use 1 to 10000"), std::string::npos) << message;
}

TEST(Request, MinusZeroIsZero) {
  Request request = full_request();
  request.ask(&Settings::guidance, -0.0).ask(&Settings::guidance_rescale, -0.0).ask(&SamplerOptions::eta, -0.0);
  const Settings settings = settle(request, make_bundle());
  EXPECT_FALSE(std::signbit(settings.guidance));
  EXPECT_FALSE(std::signbit(settings.guidance_rescale));
  EXPECT_FALSE(std::signbit(settings.sampler_options.eta));
}

TEST(Request, TheLastSeedOfAllPicturesHasToExist) {
  const auto ask = [](std::uint64_t seed, int count) {
    return [=](Request& r) {
      r.ask(&Settings::seed, seed);
      r.count = count;
    };
  };
  expect_fine(ask(kSeedMax, 1));
  expect_fine(ask(kSeedMax - 3, 4));
  EXPECT_EQ(refusal(ask(kSeedMax, 2)),
            "seed 18446744073709551615 is too large for 2 pictures with the seeds that follow it; use 0 to "
            "18446744073709551614");
}

TEST(Request, DrawsADifferentSeedEachTime) {
  Request request;
  request.count = kCountMax;
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t seed = settle(request, make_bundle()).seed;
    EXPECT_LE(seed + kCountMax - 1, 0xFFFFFFFFU);
    seeds.insert(seed);
  }
  EXPECT_GE(seeds.size(), 63U);                         // two alike: once in two million runs
  EXPECT_GT(*seeds.rbegin(), std::uint64_t{1} << 30U);  // all below: never
}

TEST(Request, OnlyDdimTakesEta) {
  const std::string message = refusal([](Request& r) { r.ask(&Settings::sampler, SamplerKind::kEuler); });
  EXPECT_EQ(message, "eta has no meaning for sampler euler; leave it out, or use one of ddim, tcd");
  expect_fine([](Request& r) {
    r.ask(&Settings::sampler, SamplerKind::kEuler);
    r.ask(&SamplerOptions::eta, 0);
  });
}

TEST(Request, RefusesSchedulesThatTheSamplerDoesNotHave) {
  refusal([](Request& r) { r.ask(&Settings::schedule, ScheduleKind::kKarras); });
}

TEST(Request, AnotherSamplerGetsTheBundlesScheduleOnlyIfItHasIt) {
  Request request = short_request("p").ask(&Settings::sampler, SamplerKind::kEuler);
  EXPECT_EQ(settle(request, make_bundle()).schedule, ScheduleKind::kKarras);
  request.ask(&Settings::sampler, SamplerKind::kDdim);
  EXPECT_EQ(settle(request, make_bundle()).schedule, ScheduleKind::kModel);
}

TEST(Request, ANegativePromptWithoutGuidanceIsNoError) {
  expect_fine([](Request& r) { r.ask(&Settings::guidance, 1); });
}

TEST(Request, TakesAnyUtf8AndNothingElse) {
  for (const std::string& prompt : {""s, "two\nlines"s, "\u4e24\u4e2a\u82f9\u679c \U0001F34E"s, "a\0b"s}) {
    expect_fine([&](Request& r) { r.ask(&Settings::prompt, prompt); });
  }
  for (const std::string& prompt : {"\xff"s, "caf\xe9"s, "\xc0\x80"s, "\xed\xa0\x80"s, "\xf0\x9f\x8d"s}) {
    const std::string message = refusal([&](Request& r) { r.ask(&Settings::prompt, prompt); });
    EXPECT_TRUE(message.starts_with("the prompt is not UTF-8")) << message;
    EXPECT_TRUE(refusal([&](Request& r) {
                  r.ask(&Settings::negative, prompt);
                }).starts_with("the negative prompt is not UTF-8"));
  }
}

// Whatever settle() lets through, a PNG can hold and read_record() takes back.
TEST(Request, PromptsFitIntoTheRecordOfAPicture) {
  for (const auto& [c, bytes] : {std::pair{'x', 1U}, {'"', 2U}, {'\n', 6U}, {'\x01', 6U}, {'\0', 6U}}) {
    const auto ask = [character = c](std::size_t size) {
      return settle(short_request(std::string(size, character)).ask(&Settings::negative, "n"), make_bundle());
    };
    const Settings settings = ask(999999 / bytes);
    expect_error(ExitCode::kUsage, [&] { ask(1000000 / bytes + 1); });
    const std::string hash(64, 'a');
    const Record record = {.version = "0.1.0",
                           .job_key = hash,
                           .model = std::string(200, '"'),
                           .model_sha256 = hash,
                           .settings = settings,
                           .device = "cuda",
                           .stages = {hash, hash, hash, hash, hash}};
    EXPECT_EQ(parse_record(record_json(record)).settings, settings);
    EXPECT_NO_THROW(encode_png({.width = 1, .height = 1, .rgb = {0, 0, 0}}, record_chunks(record)));
  }
  const std::string message = refusal([](Request& r) {
    r.ask(&Settings::prompt, std::string(500001, 'x')).ask(&Settings::negative, std::string(500001, 'x'));
  });
  EXPECT_NE(message.find("too long"), std::string::npos) << message;
}

TEST(Request, PromptsAndSeedsMayDifferInABatch) {
  const Settings first{.prompt = "a", .negative = "b", .seed = 1};
  EXPECT_TRUE(can_share_batch(first, {.prompt = "c", .negative = "d", .seed = 2}));
  const std::vector<void (*)(Settings&)> changes{
      [](Settings& s) { s.steps = 3; },
      [](Settings& s) { s.guidance = 3; },
      [](Settings& s) { s.guidance_rescale = 0.5; },
      [](Settings& s) { s.width = 64; },
      [](Settings& s) { s.height = 64; },
      [](Settings& s) { s.sampler = SamplerKind::kEuler; },
      [](Settings& s) { s.schedule = ScheduleKind::kKarras; },
      [](Settings& s) { s.sampler_options.eta = 0.5; },
      [](Settings& s) { s.clip_skip = 2; },
      [](Settings& s) { s.size_conditioning.crop.first = 1; },
  };
  for (const auto change : changes) {
    Settings other = first;
    change(other);
    EXPECT_FALSE(can_share_batch(first, other));
  }
}

// A model whose own solver is Heun's kind of DPM-Solver, of first order.
Bundle bundle_with_options() {
  Bundle bundle = make_bundle();
  bundle.defaults.sampler_options = {.solver_order = 1, .solver_type = SolverType::kHeun, .lower_order_final = false};
  return bundle;
}

const SamplerOptionInfo& row_of(std::string_view name) {
  return *std::ranges::find(sampler_options(), name, &SamplerOptionInfo::name);
}

TEST(Request, TakesTheParametersOfTheModelsSamplerWhereNothingElseIsSaid) {
  const Bundle bundle = bundle_with_options();
  Request request = short_request("x");
  EXPECT_EQ(settle(request, bundle).sampler_options, bundle.defaults.sampler_options);
  request.ask(&Settings::sampler, bundle.defaults.sampler);
  EXPECT_EQ(settle(request, bundle).sampler_options, bundle.defaults.sampler_options);
  request.ask(&Settings::sampler, SamplerKind::kEuler);
  EXPECT_EQ(settle(request, bundle).sampler_options, SamplerOptions{});
}

TEST(Request, PutsWhatIsSaidBeforeTheModelsParametersAlsoAtItsDefault) {
  const Bundle bundle = bundle_with_options();
  Request request = short_request("x");
  request.ask_option(row_of("lower_order_final"), "true");
  request.ask_option(row_of("solver_type"), "midpoint");
  const SamplerOptions expected{.solver_order = 1, .solver_type = SolverType::kMidpoint};
  EXPECT_EQ(settle(request, bundle).sampler_options, expected);
  request.ask_options({});
  EXPECT_EQ(settle(request, bundle).sampler_options, SamplerOptions{});
}

TEST(Request, WhatALabelSaysBesidesTheSamplerGoesWithTheNextLabel) {
  Request request = short_request("x");
  request.ask_sampler({.sampler = SamplerKind::kDpmpp2m, .schedule = ScheduleKind::kKarras, .solver_order = 3});
  EXPECT_EQ(request.settings().schedule, ScheduleKind::kKarras);
  request.ask_sampler({.sampler = SamplerKind::kEuler});
  EXPECT_EQ(request, short_request("x").ask(&Settings::sampler, SamplerKind::kEuler));
}

TEST(Request, AScheduleThatIsAskedForByItselfStays) {
  Request request;
  request.ask_sampler({.sampler = SamplerKind::kDpmpp2m, .schedule = ScheduleKind::kKarras});
  request.ask(&Settings::schedule, ScheduleKind::kExponential);
  request.ask_sampler({.sampler = SamplerKind::kEuler});
  EXPECT_TRUE(request.asks(&Settings::schedule));
  EXPECT_EQ(request.settings().schedule, ScheduleKind::kExponential);
}

TEST(Request, WhatIsForgottenIsTheModelsAgain) {
  Request request = full_request();
  request.forget(&Settings::steps);
  request.forget_options();
  request.forget(&Settings::sampler);
  request.forget(&Settings::schedule);
  const Settings settings = settle(request, bundle_with_options());
  EXPECT_EQ(settings.steps, 30);
  EXPECT_EQ(settings.sampler, SamplerKind::kDpmpp2m);
  EXPECT_EQ(settings.schedule, ScheduleKind::kKarras);
  EXPECT_EQ(settings.sampler_options, bundle_with_options().defaults.sampler_options);
}

}  // namespace
}  // namespace txt2img

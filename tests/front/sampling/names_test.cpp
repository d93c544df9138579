#include "txt2img/names.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

void expect_choice(std::string_view label, SamplerKind sampler, std::optional<ScheduleKind> schedule = std::nullopt) {
  const SamplerChoice choice = parse_sampler(label);
  EXPECT_EQ(choice.sampler, sampler) << label;
  EXPECT_EQ(choice.schedule, schedule) << label;
}

std::string sampler_error(std::string_view label) {
  return expect_error(ExitCode::kUsage, [&] { parse_sampler(label); });
}

void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
}

TEST(Names, FindsEverySamplerByEachOfItsOwnLabels) {
  for (const SamplerInfo& sampler : samplers()) {
    expect_choice(sampler.name, sampler.kind);
    expect_choice(sampler.label, sampler.kind);
    // One class of diffusers can be several of ours.
    EXPECT_EQ(info(parse_sampler(sampler.reference).sampler).reference, sampler.reference);
    for (const std::string_view alias : sampler.aliases) expect_choice(alias, sampler.kind);
    EXPECT_EQ(info(sampler.kind).name, sampler.name);
    EXPECT_FALSE(sampler.summary.empty());
    EXPECT_FALSE(sampler.paper.empty());
  }
}

TEST(Names, FindsEveryScheduleByItsName) {
  for (const ScheduleInfo& schedule : schedules()) {
    EXPECT_EQ(parse_schedule(schedule.name), schedule.kind);
    if (!schedule.label.empty()) {
      EXPECT_EQ(parse_schedule(schedule.label), schedule.kind);
    }
    EXPECT_EQ(info(schedule.kind).name, schedule.name);
  }
}

TEST(Names, NoTwoSamplersShareALabel) {
  std::set<std::string_view> labels;
  for (const SamplerInfo& sampler : samplers()) {
    EXPECT_TRUE(labels.insert(sampler.name).second) << sampler.name;
    EXPECT_TRUE(labels.insert(sampler.label).second) << sampler.label;
    for (const std::string_view alias : sampler.aliases) EXPECT_TRUE(labels.insert(alias).second) << alias;
  }
}

TEST(Names, ReadsTheLabelsOfAutomatic1111) {
  expect_choice("DDIM", SamplerKind::kDdim);
  expect_choice("Euler", SamplerKind::kEuler);
  expect_choice("Euler a", SamplerKind::kEulerAncestral);
  expect_choice("DPM++ 2M", SamplerKind::kDpmpp2m);
  expect_choice("DPM++ 2M Karras", SamplerKind::kDpmpp2m, ScheduleKind::kKarras);
  expect_choice("DPM++ 2M Exponential", SamplerKind::kDpmpp2m, ScheduleKind::kExponential);
  expect_choice("DPM++ SDE Karras", SamplerKind::kDpmppSde, ScheduleKind::kKarras);
  expect_choice("DPM++ 2M SDE Karras", SamplerKind::kDpmpp2mSde, ScheduleKind::kKarras);
  expect_choice("DPM2 a Karras", SamplerKind::kDpm2Ancestral, ScheduleKind::kKarras);
  expect_choice("DPM++ 2M SGM Uniform", SamplerKind::kDpmpp2m, ScheduleKind::kSgmUniform);
  expect_choice("Euler Align Your Steps", SamplerKind::kEuler, ScheduleKind::kAys);
  expect_choice("Heun", SamplerKind::kHeun);
  expect_choice("PLMS", SamplerKind::kPndm);
  expect_choice("LMS Karras", SamplerKind::kLms, ScheduleKind::kKarras);
  expect_choice("UniPC", SamplerKind::kUnipc);
  expect_choice("LCM", SamplerKind::kLcm);
}

TEST(Names, ReadsLabelsThatNameAVariantOrAnOrder) {
  const SamplerChoice heun = parse_sampler("DPM++ 2M SDE Heun Karras");
  EXPECT_EQ(heun.sampler, SamplerKind::kDpmpp2mSde);
  EXPECT_EQ(heun.solver_type, SolverType::kHeun);
  EXPECT_EQ(heun.schedule, ScheduleKind::kKarras);
  const SamplerChoice third = parse_sampler("DPM++ 3M SDE Exponential");
  EXPECT_EQ(third.sampler, SamplerKind::kDpmpp2mSde);
  EXPECT_EQ(third.solver_order, 3);
  EXPECT_EQ(third.schedule, ScheduleKind::kExponential);
  EXPECT_EQ(parse_sampler("uni_pc_bh1").solver_type, SolverType::kBh1);
}

TEST(Names, ReadsTheLabelsOfInvokeAi) {
  expect_choice("dpmpp_2m_k", SamplerKind::kDpmpp2m, ScheduleKind::kKarras);
  expect_choice("kdpm_2_a_k", SamplerKind::kDpm2Ancestral, ScheduleKind::kKarras);
  expect_choice("unipc_k", SamplerKind::kUnipc, ScheduleKind::kKarras);
  expect_choice("euler_k", SamplerKind::kEuler, ScheduleKind::kKarras);
}

TEST(Names, ReadsEveryClassNameOfDiffusers) {
  expect_choice("DDPMScheduler", SamplerKind::kDdpm);
  expect_choice("DPMSolverMultistepScheduler", SamplerKind::kDpmpp2m);
  expect_choice("DPMSolverSinglestepScheduler", SamplerKind::kDpmpp2s);
  expect_choice("DPMSolverSDEScheduler", SamplerKind::kDpmppSde);
  expect_choice("KDPM2AncestralDiscreteScheduler", SamplerKind::kDpm2Ancestral);
  expect_choice("EDMDPMSolverMultistepScheduler", SamplerKind::kEdmDpmpp2m);
  expect_choice("FlowMatchEulerDiscreteScheduler", SamplerKind::kEuler);
  expect_choice("FlowMatchHeunDiscreteScheduler", SamplerKind::kHeun);
  expect_choice("SASolverScheduler", SamplerKind::kSaSolver);
}

TEST(Names, ReadsSolverTypesByTheirNamesOnly) {
  for (const SolverType type : {SolverType::kAuto, SolverType::kBh2, SolverType::kPrk, SolverType::kCorrector}) {
    EXPECT_EQ(parse_solver_type(name_of(type)), type);
  }
  expect_contains(expect_error(ExitCode::kUsage, [] { parse_solver_type("midpiont"); }), "did you mean 'midpoint'?");
}

TEST(Names, ReadsTheLabelsOfStableDiffusionCppAndComfy) {
  expect_choice("dpm++2m", SamplerKind::kDpmpp2m);
  expect_choice("euler_a", SamplerKind::kEulerAncestral);
  expect_choice("euler_ancestral", SamplerKind::kEulerAncestral);
  expect_choice("ddim_trailing", SamplerKind::kDdim, ScheduleKind::kTrailing);
  EXPECT_EQ(parse_schedule("discrete"), ScheduleKind::kLinspace);
}

TEST(Names, IgnoresCaseSpacesAndDashes) {
  expect_choice("EULER-A", SamplerKind::kEulerAncestral);
  expect_choice("  dpmpp 2m__KARRAS ", SamplerKind::kDpmpp2m, ScheduleKind::kKarras);
  expect_choice("eulerancestraldiscretescheduler", SamplerKind::kEulerAncestral);
  EXPECT_EQ(parse_schedule("Lin-Space"), ScheduleKind::kLinspace);
  EXPECT_EQ(parse_precision("BFloat16"), Precision::kBfloat16);
}

TEST(Names, SuggestsTheNearestSampler) {
  const std::string message = sampler_error("eular");
  expect_contains(message, "there is no sampler 'eular'; did you mean 'euler'?");
  expect_contains(message, "ddpm, ddim, pndm, lms, euler, euler_a");
}

TEST(Names, SuggestsNothingForAWordThatIsLikeNone) {
  EXPECT_EQ(sampler_error("zebra").find("did you mean"), std::string::npos);
  EXPECT_EQ(sampler_error("").find("did you mean"), std::string::npos);
}

TEST(Names, SaysWhichSamplersOfTheFieldThisVersionDoesNotHave) {
  for (const std::string_view label : {"dpm++2mv2", "DPM fast", "DPM++ 2S a", "ipndm_v", "Restart"}) {
    const std::string message = sampler_error(label);
    expect_contains(message, "this version does not have the sampler '" + std::string(label) + "'");
    expect_contains(message, "ddpm, ddim, pndm, lms, euler, euler_a");
  }
  expect_contains(sampler_error("DPM++ 2S a Karras"), "does not have the sampler 'DPM++ 2S a Karras'");
  expect_contains(sampler_error("Restart SGM Uniform"), "does not have the sampler");
}

TEST(Names, SaysWhichSchedulesOfTheFieldThisVersionDoesNotHave) {
  expect_contains(sampler_error("DPM++ 2M KL Optimal"), "does not have the schedule 'kl_optimal'; choose one of model");
  expect_contains(expect_error(ExitCode::kUsage, [] { parse_schedule("Polyexponential"); }),
                  "this version does not have the schedule 'Polyexponential'");
  expect_contains(expect_error(ExitCode::kUsage, [] { parse_schedule("karas"); }), "did you mean 'karras'?");
}

TEST(Names, KeepsHostileLabelsOnOneShortLine) {
  const std::string message = sampler_error("\x1b]0;\n" + std::string(1 << 20, 'x'));
  EXPECT_LT(message.size(), 500U);
  expect_contains(message, R"('\x1b]0;\nxxx)");
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(Names, ReadsPrecisionsByAllTheirNames) {
  for (const std::string_view label : {"float32", "fp32", "f32"})
    EXPECT_EQ(parse_precision(label), Precision::kFloat32);
  for (const std::string_view label : {"bfloat16", "bf16"}) EXPECT_EQ(parse_precision(label), Precision::kBfloat16);
  for (const std::string_view label : {"float16", "fp16", "half"})
    EXPECT_EQ(parse_precision(label), Precision::kFloat16);
  for (const Precision p : {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16}) {
    EXPECT_EQ(parse_precision(name_of(p)), p);
  }
  expect_contains(expect_error(ExitCode::kUsage, [] { parse_precision("flaot16"); }), "did you mean 'float16'?");
}

}  // namespace
}  // namespace txt2img

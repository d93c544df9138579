#include "txt2img/sampler_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "fixtures/expect_error.h"

namespace txt2img {
namespace {

const SamplerOptionInfo& row(std::string_view name) {
  return *std::ranges::find(sampler_options(), name, &SamplerOptionInfo::name);
}

SamplerOptions with(std::string_view name, std::string_view text) {
  SamplerOptions options;
  set_option(options, row(name), text);
  return options;
}

std::string refusal(const SamplerOptions& options, SamplerKind sampler) {
  return expect_error(ExitCode::kUsage, [&] { check_options(options, sampler); });
}

void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
}

TEST(SamplerOptions, SayNothingOfWhatIsAtItsDefault) {
  for (const SamplerOptionInfo& info : sampler_options()) EXPECT_EQ(text_of({}, info), "") << info.name;
}

TEST(SamplerOptions, ReadWhatTheyWrite) {
  for (const auto& [name, text] : {std::pair{"eta", "0.25"},
                                   {"s_churn", "10"},
                                   {"s_tmax", "12.5"},
                                   {"solver_order", "3"},
                                   {"solver_type", "heun"},
                                   {"solver_prediction", "epsilon"},
                                   {"lower_order_final", "false"},
                                   {"euler_at_final", "true"},
                                   {"final_sigmas_type", "sigma_min"},
                                   {"sigma_min", "0.03"},
                                   {"rho", "5"}}) {
    EXPECT_EQ(text_of(with(name, text), row(name)), text) << name;
  }
}

TEST(SamplerOptions, RefuseWhatIsNoNumberOrOutOfRange) {
  const auto refused = [](std::string_view name, std::string_view text) {
    return expect_error(ExitCode::kUsage, [&] { with(name, text); });
  };
  EXPECT_EQ(refused("eta", "much"), "eta 'much' is not a number");
  EXPECT_EQ(refused("eta", "1.5"), "eta 1.5 is out of range; use 0 to 1");
  EXPECT_EQ(refused("eta", "nan"), "eta nan is out of range; use 0 to 1");
  EXPECT_EQ(refused("eta", "1e999"), "eta 1e999 is out of range; use 0 to 1");
  EXPECT_EQ(refused("solver_order", "0"), "solver_order 0 is out of range; use 1 to 4");
  EXPECT_EQ(refused("solver_order", "2.5"), "solver_order '2.5' is not a number");
  EXPECT_EQ(refused("euler_at_final", "maybe"), "euler_at_final has no 'maybe'; use one of false, true");
  expect_contains(refused("solver_type", "bh3"), "did you mean 'bh1'?");
}

TEST(SamplerOptions, OfOtherSamplersAreRefusedWithThoseThatUseThem) {
  EXPECT_EQ(refusal(with("s_churn", "3"), SamplerKind::kDdim),
            "s_churn has no meaning for sampler ddim; leave it out, or use one of euler, edm_euler");
  for (const SamplerInfo& sampler : samplers()) {
    for (const SamplerOptionInfo& info : sampler_options()) {
      if (samplers_with(info.name).empty() || !std::holds_alternative<double SamplerOptions::*>(info.member)) continue;
      SamplerOptions options;
      set_option(options, info, info.name == "s_tmax" ? "5" : "0.5");
      if (sampler.options.contains(info.name)) {
        EXPECT_NO_THROW(check_options(options, sampler.kind)) << sampler.name << " " << info.name;
      } else {
        expect_contains(refusal(options, sampler.kind), std::string(info.name) + " has no meaning");
      }
    }
  }
}

TEST(SamplerOptions, RefuseSolverTypesThatASamplerDoesNotHave) {
  EXPECT_EQ(refusal(with("solver_type", "bh1"), SamplerKind::kDpmpp2m),
            "sampler dpmpp_2m has no solver_type bh1; use one of auto, midpoint, heun");
  EXPECT_NO_THROW(check_options(with("solver_type", "bh1"), SamplerKind::kUnipc));
  EXPECT_NO_THROW(check_options(with("solver_type", "prk"), SamplerKind::kPndm));
}

TEST(SamplerOptions, RefuseOrdersThatNobodyDerived) {
  expect_contains(refusal(with("solver_order", "4"), SamplerKind::kUnipc), "use 1 to 3");
  EXPECT_NO_THROW(check_options(with("solver_order", "4"), SamplerKind::kLms));
  SamplerOptions options = with("solver_order", "3");
  EXPECT_NO_THROW(check_options(options, SamplerKind::kDpmpp2mSde));
  options.solver_prediction = SolverPrediction::kEpsilon;
  expect_contains(refusal(options, SamplerKind::kDpmpp2mSde), "solver_prediction epsilon");
}

TEST(SamplerOptions, RefuseEmptyRanges) {
  expect_contains(refusal({.sigma_min = 2, .sigma_max = 1}, SamplerKind::kEuler), "is not below sigma_max");
  expect_contains(refusal({.s_tmin = 2, .s_tmax = 1}, SamplerKind::kEuler), "is above s_tmax");
}

TEST(SamplerOptions, RefuseNumbersOutOfRangeThatNoTextBrought) {
  expect_contains(refusal({.eta = std::numeric_limits<double>::quiet_NaN()}, SamplerKind::kDdim), "eta nan");
  expect_contains(refusal({.s_churn = -1}, SamplerKind::kEuler), "s_churn -1 is out of range");
  expect_contains(refusal({.sigma_max = -5}, SamplerKind::kEuler), "sigma_max -5 is out of range");
}

}  // namespace
}  // namespace txt2img

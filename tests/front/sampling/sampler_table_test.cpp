#include "txt2img/sampler_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "txt2img/names.h"
#include "txt2img/sampler_options.h"

namespace txt2img {
namespace {

TEST(SamplerTable, NamesOptionsThatAreThere) {
  for (const SamplerInfo& sampler : samplers()) {
    for (const std::string_view option : sampler.options) {
      EXPECT_EQ(std::ranges::count(sampler_options(), option, &SamplerOptionInfo::name), 1)
          << sampler.name << " " << option;
    }
  }
}

TEST(SamplerTable, ASamplerTakesAnOptionIfItsFactsSaySo) {
  for (const SamplerInfo& sampler : samplers()) {
    const bool asks_for_its_end = sampler.levels.end == RunEnd::kAsked || sampler.levels.end == RunEnd::kAskedOrLast;
    EXPECT_EQ(sampler.options.contains("solver_order"), sampler.solver.order > 0) << sampler.name;
    EXPECT_EQ(sampler.options.contains("solver_type"), !sampler.solver.types.empty()) << sampler.name;
    EXPECT_EQ(sampler.options.contains("final_sigmas_type"), asks_for_its_end) << sampler.name;
  }
}

TEST(SamplerTable, ASamplerThatDoesNotGoWithPlainModelsNamesOneThatDoes) {
  for (const SamplerInfo& sampler : samplers()) {
    const bool is_plain = sampler.models.contains(ModelKind::kDiffusion);
    EXPECT_EQ(sampler.plain_twin.empty(), is_plain) << sampler.name;
    if (!is_plain) {
      EXPECT_TRUE(info(parse_sampler(sampler.plain_twin).sampler).models.contains(ModelKind::kDiffusion));
    }
  }
}

TEST(SamplerTable, ListsWhomAnOptionConcerns) {
  EXPECT_EQ(samplers_with("eta"), (std::vector{SamplerKind::kDdim, SamplerKind::kTcd}));
  EXPECT_TRUE(samplers_with("rho").empty());
}

TEST(SamplerTable, SaysWhichSchedulesASamplerVisits) {
  const auto visits = [](SamplerKind sampler, ScheduleKind schedule) {
    return has_schedule(info(sampler), info(schedule));
  };
  EXPECT_TRUE(visits(SamplerKind::kEuler, ScheduleKind::kKarras));
  EXPECT_TRUE(visits(SamplerKind::kDdim, ScheduleKind::kSimple));
  EXPECT_FALSE(visits(SamplerKind::kDdim, ScheduleKind::kSgmUniform));
  EXPECT_FALSE(visits(SamplerKind::kPndm, ScheduleKind::kSimple));
  EXPECT_FALSE(visits(SamplerKind::kLcm, ScheduleKind::kLeading));
}

}  // namespace
}  // namespace txt2img

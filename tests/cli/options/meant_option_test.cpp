#include "options/meant_option.h"

#include <gtest/gtest.h>

#include "foreign/names.h"
#include "foreign/setting_names.h"
#include "options/option_table.h"

namespace txt2img::cli {
namespace {

TEST(MeantOption, MayBeSpelledInAnyWay) {
  for (const char* name : {"cfg_scale", "CFG scale", "cfgScale", "cfg-scale", "guidance_scale", "scale", "guidance"}) {
    EXPECT_EQ(meant_option(name), "guidance") << name;
  }
  EXPECT_EQ(meant_option("num_inference_steps"), "steps");
  EXPECT_EQ(meant_option("Clip skip"), "clip-skip");
  EXPECT_EQ(meant_option("restore_faces"), "");
  EXPECT_EQ(meant_option("no such name"), "");
  EXPECT_EQ(find_foreign_name("no such name"), nullptr);
}

TEST(MeantOption, OfASchedulerIsWhatTheValueNames) {
  for (const char* schedule : {"Karras", "simple", "", "automatic", "nonsense"})
    EXPECT_EQ(meant_option("scheduler", schedule), "schedule") << schedule;
  for (const char* sampler : {"EulerDiscreteScheduler", "euler_a", "dpmpp_2m_k", "ddim"})
    EXPECT_EQ(meant_option("scheduler", sampler), "sampler") << sampler;
}

// Texts of other programs call settings as we do where they have no other name for them.
TEST(MeantOption, OfAPictureIsTheSameInATextOfAnotherProgram) {
  for (const OptionInfo& option : option_table()) {
    const bool is_of_picture =
        option.group == Group::kPicture || option.group == Group::kSampling || option.group == Group::kSampler;
    if (!is_of_picture || option.scope != Scope::kEverywhere || name_of(option) == "count") continue;
    EXPECT_TRUE(foreign::is_of_picture(name_of(option))) << name_of(option);
    for (const std::string_view flag : flags_of(option)) {
      if (!flag.starts_with("--")) continue;
      EXPECT_EQ(foreign::find_option_of(flag, ""), meant_option(flag)) << flag;
    }
  }
}

}  // namespace
}  // namespace txt2img::cli

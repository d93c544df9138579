#include "txt2img/nearest_name.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace txt2img {
namespace {

TEST(NearestName, ComparesWithoutCaseAndSeparators) {
  EXPECT_EQ(fold("DPM++ 2M-SDE_Karras"), "dpmpp2msdekarras");
  EXPECT_EQ(fold(""), "");
}

TEST(NearestName, CountsASwapAsOneSlip) {
  constexpr std::array<std::string_view, 3> kOptions{"prompt", "steps", "seed"};
  EXPECT_EQ(nearest_name("setps", kOptions), "steps");
  EXPECT_EQ(nearest_name("promt", kOptions), "prompt");
  EXPECT_EQ(nearest_name("See-D", kOptions), "seed");
  EXPECT_EQ(nearest_name("width", kOptions), "");
}

TEST(NearestName, PrefersTheCandidateWithTheFewestSlips) {
  constexpr std::array<std::string_view, 3> kOptions{"linspace", "inspace", "lnspace"};
  EXPECT_EQ(nearest_name("inspac", kOptions), "inspace");
  EXPECT_EQ(nearest_name("linspac", kOptions), "linspace");
}

}  // namespace
}  // namespace txt2img

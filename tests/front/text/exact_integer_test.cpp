#include "txt2img/exact_integer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace txt2img {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ExactInteger, TakesWholeRealsWithinTheRange) {
  EXPECT_EQ(exact_integer<int>(-2147483648.0), std::numeric_limits<int>::min());
  EXPECT_EQ(exact_integer<int>(2147483647.0), std::numeric_limits<int>::max());
  EXPECT_EQ(exact_integer<std::uint8_t>(255.0), 255);
  EXPECT_EQ(exact_integer<std::int64_t>(-0x1p63), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(exact_integer<std::uint64_t>(0x1.fffffffffffffp63), 0xfffffffffffff800U);
  EXPECT_EQ(exact_integer<int>(-0.0), 0);
}

TEST(ExactInteger, RoundsAndWrapsNothing) {
  for (const double value : {1.9, -0.5, 2147483648.0, -2147483649.0, 1e300, kInfinity, -kInfinity, std::nan("")}) {
    EXPECT_EQ(exact_integer<int>(value), std::nullopt) << value;
  }
  EXPECT_EQ(exact_integer<std::uint8_t>(256.0), std::nullopt);
  EXPECT_EQ(exact_integer<std::uint8_t>(-1.0), std::nullopt);
  EXPECT_EQ(exact_integer<std::int64_t>(0x1p63), std::nullopt);
  EXPECT_EQ(exact_integer<std::uint64_t>(0x1p64), std::nullopt);
}

TEST(ExactInteger, NarrowsIntegersThatFit) {
  EXPECT_EQ(exact_integer<std::uint8_t>(255), 255);
  EXPECT_EQ(exact_integer<std::uint8_t>(256), std::nullopt);
  EXPECT_EQ(exact_integer<int>(std::uint64_t{1} << 40U), std::nullopt);
  EXPECT_EQ(exact_integer<std::uint64_t>(-1), std::nullopt);
}

}  // namespace
}  // namespace txt2img

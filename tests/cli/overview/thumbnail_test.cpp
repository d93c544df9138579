#include "overview/thumbnail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "fixtures/noise_image.h"
#include "overview/canvas.h"

namespace txt2img::cli {
namespace {

Image grey_row(const std::vector<std::uint8_t>& levels) {
  Image image{.width = static_cast<int>(levels.size()), .height = 1, .rgb = {}};
  for (const std::uint8_t level : levels) image.rgb.insert(image.rgb.end(), 3, level);
  return image;
}

std::vector<int> levels(const Image& image) {
  std::vector<int> levels;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) levels.push_back(image.rgb[i]);
  return levels;
}

TEST(Thumbnail, IsThePictureItselfInItsOwnSize) {
  const Image picture = noise_image(7, 5);
  EXPECT_EQ(make_thumbnail(picture, 7), picture);
}

TEST(Thumbnail, HasTheMeanOfWhatAPixelCovers) {
  EXPECT_EQ(levels(make_thumbnail(grey_row({0, 100, 200, 50}), 2)), (std::vector{50, 125}));
  // Three pixels on two: the middle one lies half in each.
  EXPECT_EQ(levels(make_thumbnail(grey_row({0, 90, 240}), 2)), (std::vector{30, 190}));
  EXPECT_EQ(levels(make_thumbnail(grey_row({0, 1}), 1)), std::vector{1});  // half is rounded up
}

TEST(Thumbnail, MakesSquaresOfThePixelsOfASmallPicture) {
  EXPECT_EQ(levels(make_thumbnail(grey_row({9, 200}), 4)), (std::vector{9, 9, 200, 200, 9, 9, 200, 200}));
}

TEST(Thumbnail, KeepsTheProportionsAndAPixelAtLeast) {
  struct Case {
    int width, height, side, expected_width, expected_height;
  };
  for (const Case& c : {Case{64, 32, 16, 16, 8}, Case{32, 64, 16, 8, 16}, Case{3, 2, 256, 256, 171},
                        Case{1000, 1, 10, 10, 1}, Case{1, 1, 256, 256, 256}}) {
    const Image small = make_thumbnail(noise_image(c.width, c.height), c.side);
    EXPECT_EQ(small.width, c.expected_width);
    EXPECT_EQ(small.height, c.expected_height);
    EXPECT_EQ(small.rgb.size(), 3U * static_cast<unsigned>(small.width * small.height));
  }
}

// Means of means: but for half a level of rounding in each pixel, the mean of the whole stays.
TEST(Thumbnail, IsNeitherBrighterNorDarker) {
  const auto mean = [](const Image& image) {
    return std::accumulate(image.rgb.begin(), image.rgb.end(), 0.0) / static_cast<double>(image.rgb.size());
  };
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Image picture = noise_image(37, 37, seed);
    for (const int side : {1, 5, 36, 38, 100}) {
      EXPECT_NEAR(mean(make_thumbnail(picture, side)), mean(picture), 0.5) << side;
    }
  }
}

TEST(Thumbnail, OfAPlainPictureIsPlain) {
  const Image picture = make_canvas(331, 97, 137);
  for (const int side : {1, 30, 256, 500}) {
    const Image small = make_thumbnail(picture, side);
    EXPECT_TRUE(std::ranges::all_of(small.rgb, [](std::uint8_t level) { return level == 137; })) << side;
  }
}

}  // namespace
}  // namespace txt2img::cli

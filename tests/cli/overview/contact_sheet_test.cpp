#include "overview/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace txt2img::cli {
namespace {

constexpr int kCellWidth = 264;   // 256 and a gap of 8
constexpr int kCellHeight = 352;  // 256, two gaps, and four lines of 20

using Pixel = std::array<std::uint8_t, 3>;

Image plain(const Pixel& colour, int width = 4, int height = 4) {
  Image image{.width = width, .height = height, .rgb = {}};
  for (int i = 0; i < width * height; ++i) image.rgb.insert(image.rgb.end(), colour.begin(), colour.end());
  return image;
}

Pixel pixel(const Image& image, int x, int y) {
  const std::size_t at = std::size_t{3} * static_cast<std::size_t>(y * image.width + x);
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

ShownPicture shown(std::size_t number, const std::string& prompt, std::uint64_t seed = 7) {
  return {.number = number, .settings = Settings{.prompt = prompt, .negative = "", .seed = seed}};
}

Image sheet_of(const ShownPicture& picture, const Image& image) {
  ContactSheet sheet(1);
  sheet.add(picture, image);
  return sheet.image();
}

// What is below the picture of the only cell.
std::vector<std::uint8_t> caption_of(const ShownPicture& picture) {
  const Image sheet = sheet_of(picture, plain({1, 2, 3}));
  return {sheet.rgb.begin() + std::ptrdiff_t{3} * sheet.width * (8 + 256), sheet.rgb.end()};
}

TEST(ContactSheet, IsAboutAsManyCellsWideAsHigh) {
  struct Case {
    std::size_t pictures;
    int columns, rows;
  };
  for (const Case& c : {Case{1, 1, 1}, Case{2, 2, 1}, Case{3, 2, 2}, Case{5, 3, 2}, Case{12, 4, 3}, Case{90, 10, 9},
                        Case{kSheetPicturesMax, 10, 10}}) {
    const ContactSheet sheet(c.pictures);
    EXPECT_EQ(sheet.image().width, c.columns * kCellWidth + 8) << c.pictures;
    EXPECT_EQ(sheet.image().height, c.rows * kCellHeight + 8) << c.pictures;
  }
}

TEST(ContactSheet, HasThePicturesRowByRow) {
  ContactSheet sheet(5);
  for (int i = 0; i < 5; ++i) {
    sheet.add(shown(static_cast<std::size_t>(i) + 1, "a"), plain({200, static_cast<std::uint8_t>(i), 9}));
  }
  for (int i = 0; i < 5; ++i) {
    const int left = 8 + i % 3 * kCellWidth;
    const int top = 8 + i / 3 * kCellHeight;
    const Pixel colour = {200, static_cast<std::uint8_t>(i), 9};
    for (const auto& [x, y] : {std::pair{0, 0}, {255, 0}, {0, 255}, {255, 255}, {128, 128}}) {
      EXPECT_EQ(pixel(sheet.image(), left + x, top + y), colour) << i;
    }
    for (const auto& [x, y] : {std::pair{-1, 0}, {256, 0}, {0, -1}, {0, 256}}) {
      EXPECT_NE(pixel(sheet.image(), left + x, top + y), colour) << i;
    }
  }
}

TEST(ContactSheet, PutsAWideAndAHighPictureIntoTheMiddle) {
  const Pixel colour = {200, 0, 9};
  const Image wide = sheet_of(shown(1, "a"), plain(colour, 1024, 512));
  EXPECT_NE(pixel(wide, 8, 8 + 63), colour);
  EXPECT_EQ(pixel(wide, 8, 8 + 64), colour);
  EXPECT_EQ(pixel(wide, 8 + 255, 8 + 191), colour);
  EXPECT_NE(pixel(wide, 8, 8 + 192), colour);
  const Image high = sheet_of(shown(1, "a"), plain(colour, 2, 4));
  EXPECT_NE(pixel(high, 8 + 63, 8), colour);
  EXPECT_EQ(pixel(high, 8 + 64, 8 + 255), colour);
}

TEST(ContactSheet, NamesNumberPromptAndSeed) {
  const auto caption = caption_of(shown(1, "a red apple"));
  EXPECT_NE(caption_of(shown(2, "a red apple")), caption);
  EXPECT_NE(caption_of(shown(1, "a red table")), caption);
  EXPECT_NE(caption_of(shown(1, "a red apple", 8)), caption);
  EXPECT_NE(caption_of({.number = 1}), caption);
}

TEST(ContactSheet, SaysOfAnotherScriptThatItIsOne) {
  EXPECT_EQ(caption_of(shown(1, "黄色背景上的两只蓝色的猫")), caption_of(shown(1, "(another script)")));
  EXPECT_EQ(caption_of(shown(1, "naïve café")), caption_of(shown(1, "naive cafe")));
}

TEST(ContactSheet, TakesCaptionsOfAnyLength) {
  EXPECT_EQ(caption_of(shown(1'000'000, std::string(100'000, 'W'), kSeedMax)).size(), 3U * 272 * (352 - 256));
}

TEST(ContactSheet, ShowsWhereAPictureFailedOrCannotBeRead) {
  ShownPicture picture = shown(1, "a");
  const Image unreadable = sheet_of(picture, {});
  picture.status = Status::kFailed;
  const Image failed = sheet_of(picture, {});
  EXPECT_NE(failed, unreadable);
  EXPECT_NE(failed, sheet_of(picture, plain(pixel(failed, 9, 9))));  // there is something written on it
}

}  // namespace
}  // namespace txt2img::cli

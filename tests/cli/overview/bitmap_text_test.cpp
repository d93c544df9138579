#include "overview/bitmap_text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "fixtures/random_bytes.h"
#include "overview/canvas.h"

namespace txt2img::cli {
namespace {

using Lines = std::vector<std::string>;

Image drawn(std::string_view letters) {
  Image image = make_canvas(static_cast<int>(letters.size()) * kLetterWidth, kLineHeight, 0);
  draw_letters(image, letters, 0, 0, 255);
  return image;
}

TEST(Lettering, HasAShapeOfItsOwnForEachLetter) {
  std::set<std::string> shapes;
  const auto add = [&shapes](char letter) {
    const Image image = drawn(std::string(1, letter));
    shapes.emplace(image.rgb.begin(), image.rgb.end());
  };
  for (char letter = ' '; letter < kNoLetter; ++letter) add(letter);
  add(kNoLetter);
  EXPECT_EQ(shapes.size(), 96U);
}

// A dot is 2 x 2 pixels.
TEST(Lettering, DrawsTheDotsOfALetter) {
  const Image image = drawn("-L");
  const auto is_ink = [&](int x, int y) {
    return image.rgb[std::size_t{3} * static_cast<std::size_t>(y * image.width + x)] == 255;
  };
  for (int y = 0; y < kLineHeight; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const bool is_dash = y / 2 == 3 && x / 2 < 5;
      const bool is_l = (x / 2 == 6 && y / 2 < 7) || (y / 2 == 6 && x / 2 >= 6 && x / 2 < 11);
      EXPECT_EQ(is_ink(x, y), is_dash || is_l) << x << "," << y;
    }
  }
}

TEST(Lettering, SpellsInAscii) {
  EXPECT_EQ(to_letters("a red Apple ~{}"), "a red Apple ~{}");
  EXPECT_EQ(to_letters("naïve café, Ångström"), "naive cafe, Angstrom");
  EXPECT_EQ(to_letters("cafe\u0301"), "cafe");
  EXPECT_EQ(to_letters("‘a’ “b” – c — d…"), "'a' \"b\" - c - d...");
  EXPECT_EQ(to_letters("ＡＢ\u3000１"), "AB 1");
  EXPECT_EQ(to_letters("a\nb\tc\x1b"), "a b c ");
  EXPECT_EQ(to_letters("a\u202Eb\u200D"), "ab");
  EXPECT_EQ(to_letters("蓝色 cat"), "\x7F\x7F cat");
  EXPECT_EQ(to_letters("\xFF\xC3"), "\x7F\x7F");
}

TEST(Lettering, DrawsWhateverTheBytes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::string letters = to_letters(RandomBytes(seed).text(300));
    for (const std::string& line : wrap_letters(letters, 21, 3)) {
      EXPECT_LE(line.size(), 21U);
      drawn(line);
    }
  }
}

TEST(Lettering, KnowsWhatNobodyCouldRead) {
  EXPECT_TRUE(is_unreadable(to_letters("黄色背景上的两只蓝色的猫")));
  EXPECT_TRUE(is_unreadable(to_letters("蓝色 of")));
  EXPECT_FALSE(is_unreadable(to_letters("蓝 of")));
  EXPECT_FALSE(is_unreadable(to_letters("a 猫 that sleeps")));
  EXPECT_FALSE(is_unreadable(""));
  EXPECT_FALSE(is_unreadable("a"));
}

TEST(Lettering, BreaksLinesBetweenWords) {
  EXPECT_EQ(wrap_letters("two red apples", 8, 3), (Lines{"two red", "apples"}));
  EXPECT_EQ(wrap_letters("two red", 7, 3), Lines{"two red"});
  EXPECT_EQ(wrap_letters("  two   red  ", 3, 3), (Lines{"two", "red"}));
  EXPECT_EQ(wrap_letters("", 8, 3), Lines{});
  EXPECT_EQ(wrap_letters("   ", 8, 3), Lines{});
  EXPECT_EQ(wrap_letters("abcdefgh", 3, 3), (Lines{"abc", "def", "gh"}));
}

TEST(Lettering, SaysThatSomethingWasCut) {
  EXPECT_EQ(wrap_letters("two red apples", 8, 1), Lines{"two r..."});
  EXPECT_EQ(wrap_letters("a bb cc dd", 4, 2), (Lines{"a bb", "c..."}));
  EXPECT_EQ(wrap_letters("a b", 1, 1), Lines{"."});
}

}  // namespace
}  // namespace txt2img::cli

#include "txt2img/png.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "fixtures/png_fixture.h"

namespace txt2img {
namespace {

using namespace std::literals;

using Png = PngTest;

TEST_F(Png, KeepsEveryPixel) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 7}, {5, 1}, {64, 64}, {301, 203}}) {
    const Image image = noise_image(width, height);
    EXPECT_EQ(decode(encode_png(image, {})), image) << width << " x " << height;
  }
}

TEST_F(Png, KeepsSmoothPixelsToo) {
  Image image{.width = 256, .height = 100, .rgb = {}};
  for (int y = 0; y < 100; ++y) {
    for (int x = 0; x < 256; ++x) {
      for (const int value : {x, y, (x + y) / 2}) image.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  const Bytes file = encode_png(image, {});
  EXPECT_LT(file.size(), image.rgb.size() / 10);
  EXPECT_EQ(decode(file), image);
}

TEST_F(Png, BeginsAndEndsAsTheFormatSays) {
  const Bytes file = encode_png(noise_image(3, 2), {});
  const Bytes begin = signature_and_header({.width = 3, .height = 2});
  const Bytes end = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
  ASSERT_GT(file.size(), begin.size() + end.size());
  EXPECT_TRUE(std::equal(begin.begin(), begin.end(), file.begin()));
  EXPECT_TRUE(std::equal(end.rbegin(), end.rend(), file.rbegin()));
}

TEST_F(Png, IsTheSameBytesEveryTime) {
  const std::array texts = {PngText{.keyword = "k", .text = "v"}};
  EXPECT_EQ(encode_png(noise_image(33, 9), texts), encode_png(noise_image(33, 9), texts));
  EXPECT_NE(encode_png(noise_image(33, 9, 1), texts), encode_png(noise_image(33, 9, 2), texts));
}

TEST_F(Png, PutsTextsRightAfterTheHeaderInTheirOrder) {
  const std::array texts = {PngText{.keyword = "Software", .text = "txt2img 0.1.0"},
                            PngText{.keyword = "parameters", .text = "caf\u00e9"},
                            PngText{.keyword = "txt2img", .text = "{}", .international = true}};
  const Bytes plain = encode_png(noise_image(4, 4), {});
  Bytes expected(plain.begin(), plain.begin() + kPngHeaderEnd);
  append_png_chunk(expected, {"tEXt", "Software\0txt2img 0.1.0"s});
  append_png_chunk(expected, {"tEXt", "parameters\0caf\xe9"s});
  append_png_chunk(expected, {"iTXt", "txt2img\0\0\0\0\0{}"s});
  expected.insert(expected.end(), plain.begin() + kPngHeaderEnd, plain.end());
  EXPECT_EQ(encode_png(noise_image(4, 4), texts), expected);
}

TEST_F(Png, ReadsTextsBack) {
  const std::vector<PngText> texts = {
      {.keyword = "a", .text = ""},
      {.keyword = std::string(79, 'k'), .text = "two\nlines, \u00ff"},
      {.keyword = "b", .text = "\u4e24\u4e2a\u82f9\u679c \U0001F34E", .international = true},
      {.keyword = "c", .text = "ascii", .international = true}};
  EXPECT_EQ(texts_of(encode_png(noise_image(4, 4), texts)), texts);
}

TEST_F(Png, MakesATextThatIsNotLatin1International) {
  for (const std::string& text : {"\u0100"s, "\U0001F34E"s, "\uFFFD"s}) {
    const std::array texts = {PngText{.keyword = "k", .text = text}};
    const PngText expected{.keyword = "k", .text = text, .international = true};
    EXPECT_EQ(texts_of(encode_png(noise_image(1, 1), texts)), std::vector{expected});
  }
}

TEST_F(Png, RefusesTextsThatNoChunkCanHold) {
  const std::string mebibyte(std::size_t{1} << 20U, 'x');
  for (const PngText& text :
       {PngText{.keyword = "", .text = "x"}, PngText{.keyword = std::string(80, 'k'), .text = "x"},
        PngText{.keyword = "caf\u00e9", .text = "x"}, PngText{.keyword = "a\nb", .text = "x"},
        PngText{.keyword = "k", .text = "a\0b"s}, PngText{.keyword = "k", .text = "\xff"},
        PngText{.keyword = "k", .text = "\xed\xa0\x80"}, PngText{.keyword = "k", .text = mebibyte}}) {
    expect_error(ExitCode::kUsage, [&] { encode_png(noise_image(1, 1), std::array{text}); });
  }
}

TEST_F(Png, HoldsAndReadsTextsUpToOneMebibyte) {
  const std::string longest((std::size_t{1} << 20U) - 2, 'x');
  const std::vector texts = {PngText{.keyword = "k", .text = longest}};
  EXPECT_EQ(texts_of(encode_png(noise_image(1, 1), texts)), texts);

  Bytes file = signature_and_header({});
  append_png_chunk(file, {"tEXt", "k\0"s + longest + "x"});
  append_png_chunk(file, {"IDAT", ""});
  append_png_chunk(file, {"IEND", ""});
  const std::string message = expect_error(ExitCode::kBadData, [&] { texts_of(file); });
  EXPECT_NE(message.find("1 MiB"), std::string::npos) << message;
}

TEST_F(Png, ReadsAtMostSixteenMebibytesOfText) {
  Bytes file = signature_and_header({});
  for (int i = 0; i < 17; ++i) append_png_chunk(file, {"tEXt", "k\0"s + std::string(1000000, 'x')});
  append_png_chunk(file, {"IDAT", ""});
  append_png_chunk(file, {"IEND", ""});
  const std::string message = expect_error(ExitCode::kBadData, [&] { texts_of(file); });
  EXPECT_NE(message.find("16 MiB"), std::string::npos) << message;
}

TEST_F(Png, RefusesPicturesItCannotEncode) {
  for (const Image& image :
       {Image{}, Image{.width = 0, .height = 4, .rgb = {}}, Image{.width = 4, .height = -1, .rgb = {}},
        Image{.width = 2, .height = 2, .rgb = Bytes(11)}, Image{.width = 2, .height = 2, .rgb = Bytes(13)},
        Image{.width = 16385, .height = 1, .rgb = Bytes(std::size_t{3} * 16385)},
        Image{.width = 1 << 30, .height = 1 << 30, .rgb = {}}}) {
    expect_error(ExitCode::kUsage, [&] { encode_png(image, {}); });
  }
}

}  // namespace
}  // namespace txt2img

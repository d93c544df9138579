#include "png/exif_comment.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace txt2img {
namespace {

using namespace std::literals;

// Little endian: a directory at 8 with the pointer to another at 26, which has the comment of `size` bytes at 44.
std::string little(std::string_view comment) {
  const auto u32 = [](std::size_t value) {
    return std::string{static_cast<char>(value), static_cast<char>(value >> 8U), '\0', '\0'};
  };
  return "II*\0"s + u32(8) + "\1\0"s + "\x69\x87\4\0"s + u32(1) + u32(26) + u32(0) + "\1\0"s + "\x86\x92\7\0"s +
         u32(comment.size()) + u32(44) + u32(0) + std::string(comment);
}

TEST(ExifComment, IsReadInEveryCharacterSet) {
  EXPECT_EQ(exif_comment(little("ASCII\0\0\0a red apple\0\0"sv)), "a red apple");
  EXPECT_EQ(exif_comment(little("UNICODE\0\0a\0\xe9\x83\x49\xd8\x3d\xde\x00"sv)), "a\u00e9\u8349\U0001f600");
  EXPECT_EQ(exif_comment(little("UNICODE\0a\0\xe9\0b\0"sv)), "a\u00e9b");
  EXPECT_EQ(exif_comment(little("UNICODE\0\xff\xfe\x49\x83"sv)), "\u8349");
  EXPECT_EQ(exif_comment(little("\0\0\0\0\0\0\0\0caf\xc3\xa9"sv)), "caf\u00e9");
  EXPECT_EQ(exif_comment(little("{\"prompt\": 1}"sv)), "{\"prompt\": 1}");
}

TEST(ExifComment, IsReadFromBigEndianDataToo) {
  EXPECT_EQ(exif_comment("MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x1a\0\0\0\0"
                         "\0\1\x92\x86\0\7\0\0\0\x09\0\0\0\x2c\0\0\0\0ASCII\0\0\0x"s),
            "x");
}

TEST(ExifComment, IsNothingInBrokenData) {
  const std::string whole = little("ASCII\0\0\0a red apple"sv);
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(exif_comment(whole.substr(0, size)), std::nullopt);
  EXPECT_EQ(exif_comment("not TIFF"), std::nullopt);
  std::string circle = whole;
  circle[18] = 8;  // the pointer leads back to the first directory
  EXPECT_EQ(exif_comment(circle), std::nullopt);
}

}  // namespace
}  // namespace txt2img

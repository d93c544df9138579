#include "plan/file_names.h"

#include <gtest/gtest.h>

#include <string>

#include "fixtures/expect_error.h"
#include "fixtures/random_bytes.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

TEST(Slug, IsCutBetweenWordsAndNeverWithinACharacter) {
  EXPECT_EQ(slug("Two red apples on a table", 14), "two-red-apples");
  EXPECT_EQ(slug("Two red apples on a table", 12), "two-red");
  EXPECT_EQ(slug("蓝色的鱼", 7), "蓝色");
}

TEST(PlainName, KeepsTheTextAndReplacesWhatNoFileSystemTakes) {
  EXPECT_EQ(plain_name("a green bench, and a Blue bowl", 240), "a green bench, and a Blue bowl");
  EXPECT_EQ(plain_name("a/b\\c:d*e?f\"g<h>i|j\x01k", 240), "a_b_c_d_e_f_g_h_i_j_k");
  EXPECT_EQ(plain_name("..", 240), "__");
  EXPECT_EQ(plain_name("../../etc/passwd", 240), "_._.._etc_passwd");
  EXPECT_EQ(plain_name("a\u202Eb\u200B", 240), "a_b_");
  EXPECT_EQ(plain_name("ends with a dot.", 240), "ends with a dot_");
  EXPECT_EQ(plain_name("", 240), "picture");
  EXPECT_EQ(plain_name("蓝色的鱼", 7), "蓝色");
}

TEST(PlainName, IsSafeWhateverTheBytes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::string name = plain_name(RandomBytes(seed).text(300), 100);
    EXPECT_LE(name.size(), 100U);
    EXPECT_TRUE(is_valid_utf8(name));
    EXPECT_EQ(name.find_first_of("/\\\n\x7f"), std::string::npos);
    EXPECT_EQ(escape_for_terminal(name), name);
  }
}

TEST(AvoidDeviceNames, LooksAtEachPartOfAPath) {
  EXPECT_EQ(avoid_device_names("CON.png"), "CON_.png");
  EXPECT_EQ(avoid_device_names("aux/com1.tar.png"), "aux_/com1_.tar.png");
  EXPECT_EQ(avoid_device_names("console/a.png"), "console/a.png");
}

TEST(CheckRelativeName, LetsNoPathOutOfTheFolder) {
  check_relative_name("a/b.png");
  check_relative_name("..a/b...png");
  for (const char* path :
       {"", "/a.png", "../a.png", "a/../b.png", "a//b.png", "./a.png", "a\\b.png", "a\nb.png", "a\u202E.png", "a/.."}) {
    expect_error(ExitCode::kBadData, [path] { check_relative_name(path); });
  }
}

}  // namespace
}  // namespace txt2img::cli

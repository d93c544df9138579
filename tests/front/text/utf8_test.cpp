#include "txt2img/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "fixtures/random_bytes.h"

namespace txt2img {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kReplaced = "\xEF\xBF\xBD";

std::string times(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Utf8, DecodesEveryScalarValueThatItEncodes) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, value);
    const CodePoint point = decode_utf8(text, 0);
    ASSERT_TRUE(point.is_valid) << static_cast<unsigned>(value);
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.size, text.size());
  }
}

// Tables 3-8 to 3-11 of the Unicode standard.
TEST(Utf8, PutsOneReplacementForEachLongestStartOfACodePoint) {
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), times(kReplaced, 8) + "A");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), times(kReplaced, 8) + "A");
  EXPECT_EQ(replace_invalid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            times(kReplaced, 5) + "A" + times(kReplaced, 2) + "B");
  EXPECT_EQ(replace_invalid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), times(kReplaced, 4) + "A");
  EXPECT_EQ(replace_invalid_utf8("a\xF0\x9F\x8D"), "a" + std::string(kReplaced));
}

TEST(Utf8, TellsValidTextFromInvalid) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("na\u00EFve \u82F9\u679C \U0001F34E"));
  EXPECT_FALSE(is_valid_utf8("na\xEFve"));
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));
}

TEST(Utf8, MakesValidTextOfAnyBytes) {
  RandomBytes random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string text = replace_invalid_utf8(random.text(40));
    ASSERT_TRUE(is_valid_utf8(text));
    ASSERT_EQ(replace_invalid_utf8(text), text);
  }
}

TEST(Utf8, EscapesWhatATerminalWouldActOn) {
  EXPECT_EQ(escape_for_terminal("a\nb\tc\r"), R"(a\nb\tc\r)");
  EXPECT_EQ(escape_for_terminal("\x1b[31mred\x07"), R"(\x1b[31mred\x07)");
  EXPECT_EQ(escape_for_terminal("nul\0del\x7f"sv), R"(nul\x00del\x7f)");
  EXPECT_EQ(escape_for_terminal("\u009b31m"), R"(\u009b31m)");
  EXPECT_EQ(escape_for_terminal("\xff\xc3"), R"(\xff\xc3)");
}

TEST(Utf8, EscapesCharactersThatReverseOrHideText) {
  EXPECT_EQ(escape_for_terminal("a\u202Egnp.exe"), R"(a\u202egnp.exe)");
  EXPECT_EQ(escape_for_terminal("\u2066x\u2069\u200F\u061C\u2028\uFEFF"), R"(\u2066x\u2069\u200f\u061c\u2028\ufeff)");
}

TEST(Utf8, LeavesTextOfAllScriptsAndEmojiAsTheyAre) {
  const std::string text =
      "na\u00EFve \u82F9\u679C \u05E9\u05DC\u05D5\u05DD \U0001F468\u200D\U0001F469\u200D\U0001F467 C:\\x";
  EXPECT_EQ(escape_for_terminal(text), text);
}

TEST(Utf8, EscapesOnceAndForAll) {
  RandomBytes random(2);
  for (int i = 0; i < 1000; ++i) {
    const std::string once = escape_for_terminal(random.text(40));
    ASSERT_EQ(escape_for_terminal(once), once);
    ASSERT_TRUE(is_valid_utf8(once));
  }
}

}  // namespace
}  // namespace txt2img

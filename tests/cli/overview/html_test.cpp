#include "overview/html.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "fixtures/random_bytes.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

using namespace std::string_view_literals;

TEST(Html, LeavesNoMarkupInText) {
  EXPECT_EQ(escape_html("a red apple, 一只猫, 👩‍🚀"), "a red apple, 一只猫, 👩‍🚀");
  EXPECT_EQ(escape_html("<script>alert('\"&amp;')</script>"),
            "&lt;script&gt;alert(&#39;&quot;&amp;amp;&#39;)&lt;/script&gt;");
}

TEST(Html, ShowsWhatCannotBeSeen) {
  EXPECT_EQ(escape_html("a\nb\tc"), "a\nb\tc");
  EXPECT_EQ(escape_html("a\r\0b\x1b"sv), "a\\r\\x00b\\x1b");
  EXPECT_EQ(escape_html("\u202Egnp.exe\u2066"), "\\u202egnp.exe\\u2066");
  EXPECT_EQ(escape_html("a\xFF\xC3"), "a\\xff\\xc3");
  EXPECT_EQ(escape_html(""), "");
}

TEST(Html, IsSafeWhateverTheBytes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::string html = escape_html(RandomBytes(seed).text(300));
    EXPECT_TRUE(is_valid_utf8(html));
    EXPECT_EQ(html.find_first_of("<>\"'\r\0\x1b"sv), std::string::npos);
  }
}

TEST(Html, UrlsAreRelativeToThePage) {
  EXPECT_EQ(relative_url("out/a.png", "index.html"), "out/a.png");
  EXPECT_EQ(relative_url("out/a.png", "out/index.html"), "a.png");
  EXPECT_EQ(relative_url("out/a.png", "pages/x/index.html"), "../../out/a.png");
  EXPECT_EQ(relative_url("/a/b.png", "/a/index.html"), "b.png");
  EXPECT_EQ(relative_url("./out/../a.png", "x/../index.html"), "a.png");
}

TEST(Html, UrlsHaveEveryOddByteEncoded) {
  EXPECT_EQ(relative_url("a b#c?d%.png", "i.html"), "a%20b%23c%3Fd%25.png");
  EXPECT_EQ(relative_url("javascript:alert(1).png", "i.html"), "javascript%3Aalert%281%29.png");
  EXPECT_EQ(relative_url("猫\".png", "i.html"), "%E7%8C%AB%22.png");
  EXPECT_EQ(relative_url("a\xFF\\&.png", "i.html"), "a%FF%5C%26.png");
}

}  // namespace
}  // namespace txt2img::cli

#include "overview/gallery.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures/random_bytes.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

ShownPicture shown(const std::string& prompt) {
  return {.number = 3,
          .path = "out/a b.png",
          .settings = Settings{.prompt = prompt, .negative = "fog", .seed = 7, .width = 640, .height = 384}};
}

std::string html_of(const ShownPicture& picture, const GalleryPage& page = {.title = "toy", .file = "index.html"}) {
  return gallery_html(page, std::vector{picture});
}

TEST(Gallery, TellsPromptSeedAndSettings) {
  const std::string html = html_of(shown("a red apple"));
  for (const std::string_view part :
       {"<h1>toy</h1>", R"(<a href="out/a%20b.png"><img src="out/a%20b.png" alt="a red apple" loading="lazy")",
        R"(width="640" height="384")", ">a red apple</span>", ">fog</span>", "seed 7, 640x384, 25 steps of"}) {
    EXPECT_EQ(count(html, part), 1U) << part;
  }
}

TEST(Gallery, HasAnItemForEachPicture) {
  const std::vector<ShownPicture> pictures(5, shown("a"));
  const std::string html = gallery_html({.title = "toy", .file = "index.html"}, pictures);
  EXPECT_EQ(count(html, "<li "), 5U);
  EXPECT_EQ(count(html, "<img "), 5U);
  EXPECT_EQ(count(html, "</figure></li>"), 5U);
}

TEST(Gallery, LetsNoScriptRun) {
  const std::string html = html_of(shown(R"(<script>alert(1)</script>" onload="alert(1))"));
  EXPECT_EQ(count(html, "<script"), 0U);
  EXPECT_EQ(count(html, R"(" onload)"), 0U);
  EXPECT_EQ(count(html, "Content-Security-Policy"), 1U);
  EXPECT_EQ(count(html, "default-src 'none'"), 1U);
  EXPECT_LT(html.find("Content-Security-Policy"), html.find("<style>"));
}

// As many tags as for harmless texts, whatever these are.
TEST(Gallery, IsWellFormedWhateverTheBytes) {
  const std::size_t tags = count(html_of(shown("x")), "<");
  for (unsigned seed = 0; seed < 100; ++seed) {
    ShownPicture picture = shown("x" + RandomBytes(seed).text(200));
    picture.path = "out/" + RandomBytes(seed + 1000).text(50);
    const std::string html = html_of(picture);
    EXPECT_EQ(count(html, "<"), tags);
    EXPECT_EQ(count(html, ">"), count(html_of(shown("x")), ">"));
  }
}

TEST(Gallery, ShowsNoPictureWhereThereIsNone) {
  ShownPicture failed = shown("a");
  failed.status = Status::kFailed;
  failed.path.clear();
  failed.note = "failed: not a <number>";
  const std::string html = html_of(failed);
  EXPECT_EQ(count(html, "<img"), 0U);
  EXPECT_EQ(count(html, "failed: not a &lt;number&gt;"), 1U);
  EXPECT_EQ(count(html, ">a</span>"), 1U);
}

TEST(Gallery, ClaimsNothingAboutAPictureOfOthers) {
  ShownPicture picture = shown("a");
  picture.settings.reset();
  const std::string html = html_of(picture);
  EXPECT_EQ(count(html, R"(alt="picture 3")"), 1U);
  EXPECT_EQ(count(html, "seed"), 0U);
  EXPECT_EQ(count(html, "<details"), 0U);
}

TEST(Gallery, NamesAnEmptyPromptByItsNumber) { EXPECT_EQ(count(html_of(shown("")), R"(alt="picture 3")"), 1U); }

TEST(Gallery, LinksItsPages) {
  const GalleryPage middle{.title = "toy",
                           .file = "p/index-0002.html",
                           .number = 2,
                           .count = 3,
                           .previous = "p/index.html",
                           .next = "p/index-0003.html"};
  const std::string html = html_of(shown("a"), middle);
  EXPECT_EQ(count(html, "Page 2 of 3"), 2U);
  EXPECT_EQ(count(html, R"(<a rel="prev" href="index.html">)"), 2U);
  EXPECT_EQ(count(html, R"(<a rel="next" href="index-0003.html">)"), 2U);
  EXPECT_EQ(count(html_of(shown("a")), "<nav"), 0U);
  const std::string first = html_of(shown("a"), {.title = "toy", .file = "i.html", .count = 2, .next = "i-0002.html"});
  EXPECT_EQ(count(first, R"(rel="prev")"), 0U);
  EXPECT_EQ(count(first, R"(rel="next")"), 2U);
}

}  // namespace
}  // namespace txt2img::cli

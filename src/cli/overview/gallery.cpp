#include "overview/gallery.h"

#include <string_view>
#include <utility>

#include "overview/html.h"
#include "txt2img/format_text.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

constexpr int kPixelArtMax = 256;  // smaller pictures are shown larger than they are: with sharp pixels

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<style>
:root { color-scheme: light dark; --paper: #f4f4f2; --card: #fff; --ink: #1c1c1c; --faint: #595959; --mark: #0b57d0; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #161616; --card: #242424; --ink: #ececec; --faint: #a8a8a8; --mark: #8ab4f8; --wrong: #f2b8b5; }
}
body { margin: 0 auto; max-width: 110rem; padding: 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
a { color: var(--mark); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
nav { display: flex; gap: 1.5rem; margin: .75rem 0; }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0; padding: 0; list-style: none; }
figure { margin: 0; height: 100%; background: var(--card); border-radius: .5rem; overflow: hidden; overflow-wrap: anywhere; box-shadow: 0 0 0 1px color-mix(in srgb, var(--ink) 12%, transparent); }
figure > a { display: block; }
figure > a:focus-visible { outline-offset: -3px; }
img { display: block; width: 100%; height: auto; }
img.small { image-rendering: pixelated; }
figcaption { padding: .6rem .75rem .75rem; }
figcaption p { margin: 0 0 .3rem; }
.prompt, .negative { white-space: pre-wrap; }
.number { color: var(--faint); font-variant-numeric: tabular-nums; }
.negative, .settings, details { color: var(--faint); font-size: .875rem; }
.note { color: var(--wrong); }
summary { cursor: pointer; }
code { white-space: pre-wrap; }
</style>
)";

std::string element(std::string_view tag, std::string_view attributes, std::string_view html) {
  return format_text("<{}{}>{}</{}>", tag, attributes, html, tag);
}

// What people wrote, in whatever language: the empty one says that it is not known.
std::string user_text(std::string_view text) {
  return element("span", R"( class="text" lang="" dir="auto")", escape_html(text));
}

std::string navigation(const GalleryPage& page) {
  if (page.count == 1) return {};
  const auto link = [&page](const std::filesystem::path& to, std::string_view relation, std::string_view text) {
    if (to.empty()) return std::string();
    return element("a", format_text(R"( rel="{}" href="{}")", relation, relative_url(to, page.file)), text);
  };
  const std::string place = format_text("Page {} of {}", page.number, page.count);
  return element("nav", R"( aria-label="Pages")",
                 link(page.previous, "prev", "Previous page") + element("span", "", place) +
                     link(page.next, "next", "Next page")) +
         "\n";
}

// A link to the file itself, so that a click shows it in full size.
std::string picture_html(const ShownPicture& shown, const GalleryPage& page) {
  if (shown.path.empty()) return {};
  const std::string url = relative_url(shown.path, page.file);
  const bool has_prompt = shown.settings && !shown.settings->prompt.empty();
  const std::string text = has_prompt ? shown.settings->prompt : "picture " + std::to_string(shown.number);
  std::string image = format_text(R"(<img src="{}" alt="{}" loading="lazy")", url, escape_html(text));
  if (has_prompt) image += " lang=\"\"";
  if (shown.settings) {
    const auto [width, height] = std::pair(shown.settings->width, shown.settings->height);
    image += format_text(R"( width="{}" height="{}")", width, height);
    if (width < kPixelArtMax && height < kPixelArtMax) image += " class=\"small\"";
  }
  return element("a", " href=\"" + url + "\"", image + ">");
}

std::string settings_html(const Settings& settings) {
  const std::string seed = format_text("seed {}, ", settings.seed);
  return (settings.negative.empty() ? ""
                                    : element("p", " class=\"negative\"", "not: " + user_text(settings.negative))) +
         element("p", " class=\"settings\"", escape_html(seed + settings_text(settings))) +
         element("details", "",
                 "<summary>All settings</summary>" + element("code", "", escape_html(settings_json(settings))));
}

std::string item_html(const ShownPicture& shown, const GalleryPage& page) {
  const std::string number = std::to_string(shown.number);
  const std::string prompt = shown.settings ? user_text(shown.settings->prompt) : "";
  const std::string caption =
      element("p", " class=\"prompt\"", element("span", " class=\"number\"", number) + " " + prompt) +
      (shown.note.empty() ? "" : element("p", " class=\"note\"", escape_html(shown.note))) +
      (shown.settings ? settings_html(*shown.settings) : "");
  return element("li", " id=\"picture-" + number + "\"",
                 element("figure", "", picture_html(shown, page) + element("figcaption", "", caption))) +
         "\n";
}

}  // namespace

std::string gallery_html(const GalleryPage& page, std::span<const ShownPicture> pictures) {
  const std::string title = escape_html(page.title);
  std::string html(kHead);
  html += format_text("{}\n</head>\n<body>\n<header>\n{}\n{}</header>\n<main>\n<ol>\n", element("title", "", title),
                      element("h1", "", title), navigation(page));
  for (const ShownPicture& shown : pictures) html += item_html(shown, page);
  return format_text("{}</ol>\n</main>\n{}</body>\n</html>\n", html, navigation(page));
}

}  // namespace txt2img::cli

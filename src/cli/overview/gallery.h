// A gallery: HTML pages with the pictures of a run, their prompts and their settings. They need no server and no
// script.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "overview/shown_picture.h"

namespace txt2img::cli {

inline constexpr std::size_t kPagePicturesMax = 1000;

// Where a page lies, and between which.
struct GalleryPage {
  std::string title;
  std::filesystem::path file;
  std::size_t number = 1;
  std::size_t count = 1;
  std::filesystem::path previous{};  // empty: this is the first
  std::filesystem::path next{};      // empty: this is the last
};

// A whole page. Nothing in it that came from outside is markup, and its policy lets no script run. Pictures are named
// relative to the page: it can be moved together with them.
std::string gallery_html(const GalleryPage& page, std::span<const ShownPicture> pictures);

}  // namespace txt2img::cli

// A picture to draw on: grey boxes, and other pictures.
#pragma once

#include <cstddef>
#include <cstdint>

#include "txt2img/image.h"

namespace txt2img::cli {

struct Box {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Of its red value among the bytes of the picture.
inline std::size_t pixel_offset(const Image& image, int x, int y) {
  return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x));
}

Image make_canvas(int width, int height, std::uint8_t grey);

// Both draw inside the canvas only: the caller sees to it that all of it fits.
void fill(Image& canvas, const Box& box, std::uint8_t grey);
void paste(Image& canvas, const Image& picture, int left, int top);

}  // namespace txt2img::cli

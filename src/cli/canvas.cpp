#include "cli/canvas.h"

#include <algorithm>
#include <cstddef>

namespace txt2img::cli {
namespace {

std::size_t offset(const Image& image, int x, int y) {
  return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x));
}

}  // namespace

Image make_canvas(int width, int height, std::uint8_t grey) {
  Image canvas{.width = width, .height = height, .rgb = {}};
  canvas.rgb.assign(offset(canvas, 0, height), grey);
  return canvas;
}

void fill(Image& canvas, const Box& box, std::uint8_t grey) {
  for (int y = box.top; y < box.top + box.height; ++y) {
    std::fill_n(&canvas.rgb[offset(canvas, box.left, y)], 3 * box.width, grey);
  }
}

void paste(Image& canvas, const Image& picture, int left, int top) {
  for (int y = 0; y < picture.height; ++y) {
    std::copy_n(&picture.rgb[offset(picture, 0, y)], 3 * picture.width, &canvas.rgb[offset(canvas, left, top + y)]);
  }
}

}  // namespace txt2img::cli

#include "overview/canvas.h"

#include <algorithm>

namespace txt2img::cli {

Image make_canvas(int width, int height, std::uint8_t grey) {
  Image canvas{.width = width, .height = height, .rgb = {}};
  canvas.rgb.assign(pixel_offset(canvas, 0, height), grey);
  return canvas;
}

void fill(Image& canvas, const Box& box, std::uint8_t grey) {
  for (int y = box.top; y < box.top + box.height; ++y) {
    std::fill_n(&canvas.rgb[pixel_offset(canvas, box.left, y)], 3 * box.width, grey);
  }
}

void paste(Image& canvas, const Image& picture, int left, int top) {
  for (int y = 0; y < picture.height; ++y) {
    std::copy_n(&picture.rgb[pixel_offset(picture, 0, y)], 3 * picture.width,
                &canvas.rgb[pixel_offset(canvas, left, top + y)]);
  }
}

}  // namespace txt2img::cli

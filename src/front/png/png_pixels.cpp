#include "png/png_pixels.h"

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "txt2img/error.h"

namespace txt2img {
namespace {

void take(void* file, void* bytes, int size) {
  const auto* const first = static_cast<const std::uint8_t*>(bytes);
  static_cast<std::vector<std::uint8_t>*>(file)->assign(first, first + size);
}

}  // namespace

std::vector<std::uint8_t> encode_pixels(const Image& image) {
  // Trying every filter on every row takes longer than the rest and saves 2 % or nothing.
  static const int paeth = stbi_write_force_png_filter = 4;
  static_cast<void>(paeth);
  std::vector<std::uint8_t> file;
  if (stbi_write_png_to_func(take, &file, image.width, image.height, 3, image.rgb.data(), 3 * image.width) == 0) {
    throw Error(ExitCode::kUnavailable, "out of memory while writing a PNG; draw a smaller picture");
  }
  return file;
}

}  // namespace txt2img

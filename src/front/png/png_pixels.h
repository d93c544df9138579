// The pixels of a PNG file: filtered rows as a zlib stream.
#pragma once

#include <cstdint>
#include <vector>

#include "txt2img/image.h"

namespace txt2img {

// At this size a row of filter bytes and pixels times the height is 0.8e9, and the compressor's doubling buffer stays
// below 2^31 too.
inline constexpr int kPngSideMax = 16384;

// What a picture's IDAT chunk holds. By libdeflate where the build has it: every row with the Paeth filter, level 1;
// else by stb_image_write. Throws Error(kUnavailable) when memory is out. `image` has pixels, its sides are at most
// kPngSideMax.
std::vector<std::uint8_t> compress_pixels(const Image& image);

// The same pixels by stb_image_write with its defaults: the reference, some eight times slower and a third larger.
std::vector<std::uint8_t> compress_pixels_with_stb(const Image& image);

}  // namespace txt2img

// Pixels as a PNG file: stb_image_write, which leaves the compression to libdeflate.
#pragma once

#include <cstdint>
#include <vector>

#include "txt2img/image.h"

namespace txt2img {

// At this size a row of filter bytes and pixels times the height is 0.8e9, and all that stb_image_write counts in an
// int stays below 2^31.
inline constexpr int kPngSideMax = 16384;

// Signature, IHDR, one IDAT and IEND: every row has the Paeth filter, and the same pixels are always the same bytes.
// `image` has pixels, its sides are at most kPngSideMax. Throws Error(kUnavailable) when memory is out.
std::vector<std::uint8_t> encode_pixels(const Image& image);

}  // namespace txt2img

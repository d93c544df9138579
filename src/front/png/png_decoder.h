// stb_image behind two functions: the pixels of a PNG file, and what its chunks have packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "png/png_chunk.h"

namespace txt2img {

// 8-bit RGB, 3 * width * height bytes. `path` is for the message. Throws Error(kBadData).
std::vector<std::uint8_t> decode_pixels(std::string_view file, const PngHeader& header,
                                        const std::filesystem::path& path);

// What a zlib stream (RFC 1950) holds; nothing if it is broken or holds more than `max` bytes.
std::optional<std::string> unpack_zlib(std::string_view packed, std::size_t max);

}  // namespace txt2img

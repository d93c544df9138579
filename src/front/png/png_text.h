// Text chunks of PNG files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "png/png_chunk.h"
#include "txt2img/png.h"

namespace txt2img {

inline constexpr std::size_t kPngTextMax = std::size_t{1} << 20;    // bytes of one chunk, written or read
inline constexpr std::size_t kPngTextsMax = std::size_t{16} << 20;  // bytes of all that are read from one file

// Throws Error(kUsage) for what a chunk cannot hold.
void append_png_text(std::vector<std::uint8_t>& file, const PngText& text);

// Nothing for chunks that hold no text, or a packed one that is broken or unpacks to more than that. The comment of
// EXIF data has the keyword "UserComment". Throws Error(kBadData); `path` is for the message.
std::optional<PngText> parse_png_text(const PngChunk& chunk, const std::filesystem::path& path);

}  // namespace txt2img

// The chunks that a PNG file is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {

// Views into the file.
struct PngChunk {
  std::string_view type;  // four letters
  std::string_view data;
};

struct PngHeader {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

inline constexpr std::size_t kPngHeaderEnd = 8 + 25;  // signature and IHDR, with which every file begins

// Length, type, data and CRC at the end of `file`.
void append_png_chunk(std::vector<std::uint8_t>& file, const PngChunk& chunk);

// Shows every chunk but IHDR and IEND to `visit` and returns what IHDR says. Throws Error(kBadData) unless `file` is
// whole: signature, IHDR, data, IEND and nothing after it, all with the right CRC. `path` is for the message.
PngHeader walk_png_chunks(std::string_view file, const std::filesystem::path& path,
                          const std::function<void(const PngChunk&)>& visit);

// "x.png cannot be read as a PNG picture: ..."
Error bad_png(const std::filesystem::path& path, const std::string& problem);

}  // namespace txt2img

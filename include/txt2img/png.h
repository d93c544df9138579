// PNG files: 8-bit RGB with text chunks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "txt2img/export.h"
#include "txt2img/image.h"

namespace txt2img {

// A text chunk. Written as tEXt if the text is Latin-1 (and `international` is not set), else as uncompressed iTXt.
struct PngText {
  std::string keyword;  // 1-79 bytes of printable ASCII
  std::string text;     // UTF-8 without NUL; the chunk has at most 1 MiB
  bool international = false;

  bool operator==(const PngText&) const = default;
};

// The whole file in memory; the text chunks come right after IHDR, in the order given.
// Throws Error(kUsage) for an empty picture or one that the format or the encoder cannot hold.
TXT2IMG_API std::vector<std::uint8_t> encode_png(const Image& image, std::span<const PngText> texts);

// Text chunks (tEXt, zTXt, iTXt) of a PNG file, without decoding its pixels, and the comment in its EXIF data (eXIf) as
// a text with the keyword "UserComment". Checks the signature, every length and every CRC up to IEND, so that it is
// also the test for "a whole PNG". At most 1 MiB a chunk, packed and unpacked, and 16 MiB a file. Throws Error:
// kMissingInput (no such file), kBadData (not a whole PNG), kIo.
TXT2IMG_API std::vector<PngText> read_png_texts(const std::filesystem::path& path);

// Pixels as 8-bit RGB (grey is spread, alpha dropped). At most 16384 x 16384. Throws like read_png_texts.
TXT2IMG_API Image read_png(const std::filesystem::path& path);

}  // namespace txt2img

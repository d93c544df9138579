#include "png/png_pixels.h"

#include <libdeflate.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "txt2img/error.h"

namespace txt2img {
namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

struct Free {
  void operator()(unsigned char* block) const { std::free(block); }
};

// For stb: a zlib stream in a block of malloc, or null when memory is out.
unsigned char* compress_rows(unsigned char* rows, int size, int* stream_size, int /*quality*/) {
  constexpr int kLevel = 1;  // higher ones take twice as long for 4 % or less
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(libdeflate_alloc_compressor(kLevel));
  if (compressor == nullptr) return nullptr;
  const auto length = static_cast<std::size_t>(size);
  const std::size_t max = libdeflate_zlib_compress_bound(compressor.get(), length);
  std::unique_ptr<unsigned char, Free> stream(static_cast<unsigned char*>(std::malloc(max)));
  if (stream == nullptr) return nullptr;
  *stream_size = static_cast<int>(libdeflate_zlib_compress(compressor.get(), rows, length, stream.get(), max));
  return stream.release();
}

unsigned checksum(const unsigned char* bytes, int size) {
  return libdeflate_crc32(0, bytes, static_cast<std::size_t>(size));
}

}  // namespace
}  // namespace txt2img

#define STBIW_ZLIB_COMPRESS txt2img::compress_rows
#define STBIW_CRC32 txt2img::checksum
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace txt2img {

std::vector<std::uint8_t> encode_pixels(const Image& image) {
  // Trying every filter on every row takes longer than the rest and saves 2 % or nothing.
  static const int paeth = stbi_write_force_png_filter = 4;
  static_cast<void>(paeth);
  int size = 0;
  const std::unique_ptr<unsigned char, Free> file(
      stbi_write_png_to_mem(image.rgb.data(), 3 * image.width, image.width, image.height, 3, &size));
  if (file == nullptr) throw Error(ExitCode::kUnavailable, "out of memory while writing a PNG; draw a smaller picture");
  return {file.get(), file.get() + size};
}

}  // namespace txt2img

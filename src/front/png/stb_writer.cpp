// stb_image_write, compressing with libdeflate. By itself, so that its functions are no part of those that call it.
#include <libdeflate.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

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
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

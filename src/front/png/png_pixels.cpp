#include "png/png_pixels.h"

#ifdef TXT2IMG_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

#include "txt2img/error.h"

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace txt2img {
namespace {

Error out_of_memory() { return {ExitCode::kUnavailable, "out of memory while writing a PNG; draw a smaller picture"}; }

struct Free {
  void operator()(unsigned char* block) const { std::free(block); }
};

#ifdef TXT2IMG_HAVE_LIBDEFLATE
constexpr int kLevel = 1;               // higher ones take twice as long for 4 % or less
constexpr std::size_t kPixelBytes = 3;  // the distance of a byte to its left neighbour
constexpr std::uint8_t kPaeth = 4;

// Of left, above and above left the one nearest to left + above - above left (PNG specification, 9.4).
int paeth(int left, int above, int corner) {
  const int to_left = std::abs(above - corner);
  const int to_above = std::abs(left - corner);
  const int to_corner = std::abs(left + above - 2 * corner);
  return to_left <= to_above && to_left <= to_corner ? left : to_above <= to_corner ? above : corner;  // NOLINT
}

void filter_row(std::span<const std::uint8_t> row, std::span<const std::uint8_t> above, std::uint8_t* filtered) {
  for (std::size_t i = 0; i < kPixelBytes; ++i) filtered[i] = static_cast<std::uint8_t>(row[i] - above[i]);
  for (std::size_t i = kPixelBytes; i < row.size(); ++i) {
    const int guess = paeth(row[i - kPixelBytes], above[i], above[i - kPixelBytes]);
    filtered[i] = static_cast<std::uint8_t>(row[i] - guess);
  }
}

// Each row behind the number of its filter.
std::vector<std::uint8_t> filter(const Image& image) {
  const std::size_t length = kPixelBytes * static_cast<std::size_t>(image.width);
  const std::vector<std::uint8_t> black(length);
  std::vector<std::uint8_t> filtered((length + 1) * static_cast<std::size_t>(image.height));
  std::span<const std::uint8_t> above = black;
  std::uint8_t* out = filtered.data();
  for (std::span<const std::uint8_t> rest = image.rgb; !rest.empty(); rest = rest.subspan(length)) {
    *out++ = kPaeth;
    filter_row(rest.first(length), above, out);
    above = rest.first(length);
    out += length;
  }
  return filtered;
}

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};
#endif

}  // namespace

#ifdef TXT2IMG_HAVE_LIBDEFLATE
std::vector<std::uint8_t> compress_pixels(const Image& image) {
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(libdeflate_alloc_compressor(kLevel));
  if (compressor == nullptr) throw out_of_memory();
  const std::vector<std::uint8_t> rows = filter(image);
  std::vector<std::uint8_t> stream(libdeflate_zlib_compress_bound(compressor.get(), rows.size()));
  stream.resize(libdeflate_zlib_compress(compressor.get(), rows.data(), rows.size(), stream.data(), stream.size()));
  return stream;
}
#else
std::vector<std::uint8_t> compress_pixels(const Image& image) { return compress_pixels_with_stb(image); }
#endif

std::vector<std::uint8_t> compress_pixels_with_stb(const Image& image) {
  constexpr std::size_t kBefore = 8 + 25 + 8;  // signature, IHDR, length and type of the one IDAT
  constexpr std::size_t kAfter = 4 + 12;       // its CRC, IEND
  const auto is_side = [](int side) { return side >= 1 && side <= kPngSideMax; };
  if (!is_side(image.width) || !is_side(image.height)) return {};
  int size = 0;
  const std::unique_ptr<unsigned char, Free> file(
      stbi_write_png_to_mem(image.rgb.data(), 3 * image.width, image.width, image.height, 3, &size));
  if (file == nullptr) throw out_of_memory();
  return {file.get() + kBefore, file.get() + size - kAfter};
}

}  // namespace txt2img

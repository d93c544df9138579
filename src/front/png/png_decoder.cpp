#include "png/png_decoder.h"

#include <cstdlib>
#include <limits>
#include <memory>

namespace {

// What the decoder may allocate at once on this thread: a file of a few megabytes can unpack to gigabytes, and the
// decoder has no limit of its own. Its allocator takes no argument that could carry one.
thread_local std::size_t decoder_block_max = 0;

void* allocate_for_decoder(void* block, std::size_t size) {
  return size <= decoder_block_max ? std::realloc(block, size) : nullptr;
}

}  // namespace

#define STBI_MALLOC(size) allocate_for_decoder(nullptr, size)
#define STBI_REALLOC(block, size) allocate_for_decoder(block, size)
#define STBI_FREE(block) std::free(block)
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<unsigned char, Free>;

// Every sample as 16-bit RGBA, twice over (the decoder grows by doubling), and the file itself.
std::size_t block_max_of(const PngHeader& header, std::size_t file_size) {
  return 2 * (std::size_t{8} * header.width * header.height + 8 * (header.width + std::size_t{header.height})) +
         2 * file_size + 65536;
}

}  // namespace

std::vector<std::uint8_t> decode_pixels(std::string_view file, const PngHeader& header, const fs::path& path) {
  decoder_block_max = block_max_of(header, file.size());
  int width = 0;
  int height = 0;
  int channels = 0;
  const Block pixels(stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()), static_cast<int>(file.size()),
                                           &width, &height, &channels, 3));
  if (!pixels) throw bad_png(path, format_text("its pixels cannot be decoded ({})", stbi_failure_reason()));
  const std::size_t size = std::size_t{3} * header.width * header.height;
  return {pixels.get(), pixels.get() + size};
}

std::optional<std::string> unpack_zlib(std::string_view packed, std::size_t max) {
  constexpr std::size_t kIntMax = std::numeric_limits<int>::max();
  if (packed.size() > kIntMax || max > kIntMax) return std::nullopt;
  std::string text(max, '\0');  // the decoder writes within it, and fails where it is full
  const int size =
      stbi_zlib_decode_buffer(text.data(), static_cast<int>(max), packed.data(), static_cast<int>(packed.size()));
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace txt2img

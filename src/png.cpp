#include "txt2img/png.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "png_chunk.h"
#include "png_pixels.h"
#include "png_text.h"
#include "read_file.h"

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

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = std::size_t{1} << 30;

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<unsigned char, Free>;

void check(const Image& image) {
  if (image.width < 1 || image.height < 1 || image.width > kPngSideMax || image.height > kPngSideMax) {
    throw Error(ExitCode::kUsage, "a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                      " pixels cannot be written; each side must be 1 to " +
                                      std::to_string(kPngSideMax));
  }
  const std::size_t expected =
      std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (image.rgb.size() != expected) {
    throw Error(ExitCode::kUsage, "a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                      " pixels has " + std::to_string(image.rgb.size()) + " bytes, must have " +
                                      std::to_string(expected));
  }
}

std::string read_file(const fs::path& path) { return read_small_file(path, kFileMax); }

// Every sample as 16-bit RGBA, twice over (the decoder grows by doubling), and the file itself.
std::size_t block_max_of(const PngHeader& header, std::size_t file_size) {
  return 2 * (std::size_t{8} * header.width * header.height + 8 * (header.width + std::size_t{header.height})) +
         2 * file_size + 65536;
}

}  // namespace

std::vector<std::uint8_t> encode_png(const Image& image, std::span<const PngText> texts) {
  check(image);
  std::vector<std::uint8_t> file =
      begin_png({.width = static_cast<std::uint32_t>(image.width), .height = static_cast<std::uint32_t>(image.height)});
  for (const PngText& text : texts) append_png_text(file, text);
  append_png_chunk(file, {.type = "IDAT", .data = as_view(compress_pixels(image))});
  append_png_chunk(file, {.type = "IEND", .data = {}});
  return file;
}

std::vector<PngText> read_png_texts(const fs::path& path) {
  const std::string file = read_file(path);
  std::vector<PngText> texts;
  std::size_t total = 0;
  walk_png_chunks(file, path, [&](const PngChunk& chunk) {
    std::optional<PngText> text = parse_png_text(chunk, path);
    if (!text) return;
    total += chunk.data.size();
    if (total > kPngTextsMax) throw bad_png(path, "it has more than 16 MiB of text");
    texts.push_back(std::move(*text));
  });
  return texts;
}

Image read_png(const fs::path& path) {
  const std::string file = read_file(path);
  const PngHeader header = walk_png_chunks(file, path, [](const PngChunk&) {});
  if (header.width > kPngSideMax || header.height > kPngSideMax) {
    throw Error(ExitCode::kBadData, path.string() + " has " + std::to_string(header.width) + " x " +
                                        std::to_string(header.height) + " pixels, at most " +
                                        std::to_string(kPngSideMax) + " x " + std::to_string(kPngSideMax) +
                                        " are read; give a smaller picture");
  }
  decoder_block_max = block_max_of(header, file.size());
  Image image;
  int channels = 0;
  const Block pixels(stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()), static_cast<int>(file.size()),
                                           &image.width, &image.height, &channels, 3));
  if (!pixels) throw bad_png(path, std::string("its pixels cannot be decoded (") + stbi_failure_reason() + ")");
  const std::size_t size = std::size_t{3} * header.width * header.height;
  image.rgb.assign(pixels.get(), pixels.get() + size);
  return image;
}

}  // namespace txt2img

#include "txt2img/png.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "file/read_file.h"
#include "png/png_chunk.h"
#include "png/png_decoder.h"
#include "png/png_pixels.h"
#include "png/png_text.h"
#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = std::size_t{1} << 30;

void check(const Image& image) {
  if (image.width < 1 || image.height < 1 || image.width > kPngSideMax || image.height > kPngSideMax) {
    throw Error(ExitCode::kUsage,
                format_text("a picture of {} x {} pixels cannot be written; each side must be 1 to {}", image.width,
                            image.height, kPngSideMax));
  }
  const std::size_t expected =
      std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (image.rgb.size() != expected) {
    throw Error(ExitCode::kUsage, format_text("a picture of {} x {} pixels has {} bytes, must have {}", image.width,
                                              image.height, image.rgb.size(), expected));
  }
}

std::string read_file(const fs::path& path) { return read_small_file(path, kFileMax); }

}  // namespace

std::vector<std::uint8_t> encode_png(const Image& image, std::span<const PngText> texts) {
  check(image);
  const std::vector<std::uint8_t> pixels = encode_pixels(image);
  const auto header_end = pixels.begin() + kPngHeaderEnd;
  std::vector<std::uint8_t> file(pixels.begin(), header_end);
  for (const PngText& text : texts) append_png_text(file, text);
  file.insert(file.end(), header_end, pixels.end());
  return file;
}

std::vector<PngText> read_png_texts(const fs::path& path) {
  const std::string file = read_file(path);
  std::vector<PngText> texts;
  std::size_t total = 0;
  walk_png_chunks(file, path, [&](const PngChunk& chunk) {
    std::optional<PngText> text = parse_png_text(chunk, path);
    if (!text) return;
    total += std::max(chunk.data.size(), text->text.size());  // packed ones grow
    if (total > kPngTextsMax) throw bad_png(path, "it has more than 16 MiB of text");
    texts.push_back(std::move(*text));
  });
  return texts;
}

Image read_png(const fs::path& path) {
  const std::string file = read_file(path);
  const PngHeader header = walk_png_chunks(file, path, [](const PngChunk&) {});
  if (header.width > kPngSideMax || header.height > kPngSideMax) {
    throw Error(ExitCode::kBadData,
                format_text("{} has {} x {} pixels, at most {} x {} are read; give a smaller picture", path.string(),
                            header.width, header.height, kPngSideMax, kPngSideMax));
  }
  return {.width = static_cast<int>(header.width),
          .height = static_cast<int>(header.height),
          .rgb = decode_pixels(file, header, path)};
}

}  // namespace txt2img

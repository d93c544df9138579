// PNG files made by hand, and a folder to read them from.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expect_error.h"
#include "png_chunk.h"
#include "scratch_folder.h"
#include "txt2img/png.h"

namespace txt2img {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::size_t kHeaderEnd = 33;  // signature, IHDR

inline Image noise_image(int width, int height, unsigned seed = 1) {
  std::mt19937 random(seed);
  Image image{.width = width, .height = height, .rgb = {}};
  for (int i = 0; i < 3 * width * height; ++i) image.rgb.push_back(static_cast<std::uint8_t>(random()));
  return image;
}

inline std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
          static_cast<char>(value)};
}

// zlib with stored blocks: an encoder of a few lines that is not the one under test.
inline std::string zlib(std::string_view data) {
  std::string out = "\x78\x01";
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : data) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const auto size = static_cast<std::uint16_t>(data.size());
  for (const unsigned v :
       {1U, size & 255U, unsigned{size} >> 8U, ~unsigned{size} & 255U, (~unsigned{size} >> 8U) & 255U}) {
    out += static_cast<char>(v);
  }
  return out + std::string(data) + be32((b << 16U) | a);
}

struct Shape {
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  char depth = 8;
  char colour = 2;
  char interlace = 0;
};

inline Bytes signature_and_header(const Shape& shape) {
  const std::string_view signature = "\x89PNG\r\n\x1a\n";
  Bytes file(signature.begin(), signature.end());
  append_png_chunk(file, {"IHDR", be32(shape.width) + be32(shape.height) + shape.depth + shape.colour + '\0' + '\0' +
                                      shape.interlace});
  return file;
}

// `rows` as the format has them: a filter byte, then the samples.
inline Bytes make_png(const Shape& shape, const std::string& rows, std::initializer_list<PngChunk> before_data = {}) {
  Bytes file = signature_and_header(shape);
  for (const PngChunk& chunk : before_data) append_png_chunk(file, chunk);
  append_png_chunk(file, {"IDAT", zlib(rows)});
  append_png_chunk(file, {"IEND", ""});
  return file;
}

class PngTest : public testing::Test {
 protected:
  std::filesystem::path save(std::span<const std::uint8_t> bytes) { return write_bytes(folder_ / "x.png", bytes); }
  Image decode(std::span<const std::uint8_t> bytes) { return read_png(save(bytes)); }
  std::vector<PngText> texts_of(std::span<const std::uint8_t> bytes) { return read_png_texts(save(bytes)); }
  void expect_refused(std::span<const std::uint8_t> bytes) { expect_refused(save(bytes)); }
  static void expect_refused(const std::filesystem::path& path) {
    expect_error(ExitCode::kBadData, [&] { read_png_texts(path); });
    expect_error(ExitCode::kBadData, [&] { read_png(path); });
  }

  ScratchFolder folder_;
};

}  // namespace txt2img

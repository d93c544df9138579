#include "txt2img/png.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

#include "expect_error.h"
#include "png_chunk.h"
#include "scratch_folder.h"

namespace txt2img {
namespace {

using namespace std::literals;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeaderEnd = 33;  // signature, IHDR

Image noise_image(int width, int height, unsigned seed = 1) {
  std::mt19937 random(seed);
  Image image{.width = width, .height = height, .rgb = {}};
  for (int i = 0; i < 3 * width * height; ++i) image.rgb.push_back(static_cast<std::uint8_t>(random()));
  return image;
}

std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
          static_cast<char>(value)};
}

// zlib with stored blocks: an encoder of a few lines that is not the one under test.
std::string zlib(std::string_view data) {
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

Bytes signature_and_header(const Shape& shape) {
  const std::string_view signature = "\x89PNG\r\n\x1a\n";
  Bytes file(signature.begin(), signature.end());
  append_png_chunk(file, {"IHDR", be32(shape.width) + be32(shape.height) + shape.depth + shape.colour + '\0' + '\0' +
                                      shape.interlace});
  return file;
}

// `rows` as the format has them: a filter byte, then the samples.
Bytes make_png(const Shape& shape, const std::string& rows, std::initializer_list<PngChunk> before_data = {}) {
  Bytes file = signature_and_header(shape);
  for (const PngChunk& chunk : before_data) append_png_chunk(file, chunk);
  append_png_chunk(file, {"IDAT", zlib(rows)});
  append_png_chunk(file, {"IEND", ""});
  return file;
}

class Png : public testing::Test {
 protected:
  std::filesystem::path save(std::span<const std::uint8_t> bytes) { return write_bytes(folder_ / "x.png", bytes); }
  Image decode(std::span<const std::uint8_t> bytes) { return read_png(save(bytes)); }
  std::vector<PngText> texts_of(std::span<const std::uint8_t> bytes) { return read_png_texts(save(bytes)); }
  void expect_refused(std::span<const std::uint8_t> bytes) { expect_refused(save(bytes)); }
  void expect_refused(const std::filesystem::path& path) {
    expect_error(ExitCode::kBadData, [&] { read_png_texts(path); });
    expect_error(ExitCode::kBadData, [&] { read_png(path); });
  }

  ScratchFolder folder_;
};

TEST_F(Png, KeepsEveryPixel) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 7}, {5, 1}, {64, 64}, {301, 203}}) {
    const Image image = noise_image(width, height);
    EXPECT_EQ(decode(encode_png(image, {})), image) << width << " x " << height;
  }
}

TEST_F(Png, KeepsSmoothPixelsToo) {
  Image image{.width = 256, .height = 100, .rgb = {}};
  for (int y = 0; y < 100; ++y) {
    for (int x = 0; x < 256; ++x) {
      for (const int value : {x, y, (x + y) / 2}) image.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  const Bytes file = encode_png(image, {});
  EXPECT_LT(file.size(), image.rgb.size() / 10);
  EXPECT_EQ(decode(file), image);
}

TEST_F(Png, BeginsAndEndsAsTheFormatSays) {
  const Bytes file = encode_png(noise_image(3, 2), {});
  const Bytes begin = signature_and_header({.width = 3, .height = 2});
  const Bytes end = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
  ASSERT_GT(file.size(), begin.size() + end.size());
  EXPECT_TRUE(std::equal(begin.begin(), begin.end(), file.begin()));
  EXPECT_TRUE(std::equal(end.rbegin(), end.rend(), file.rbegin()));
}

TEST_F(Png, IsTheSameBytesEveryTime) {
  const std::array texts = {PngText{.keyword = "k", .text = "v"}};
  EXPECT_EQ(encode_png(noise_image(33, 9), texts), encode_png(noise_image(33, 9), texts));
  EXPECT_NE(encode_png(noise_image(33, 9, 1), texts), encode_png(noise_image(33, 9, 2), texts));
}

TEST_F(Png, PutsTextsRightAfterTheHeaderInTheirOrder) {
  const std::array texts = {PngText{.keyword = "Software", .text = "txt2img 0.1.0"},
                            PngText{.keyword = "parameters", .text = "caf\u00e9"},
                            PngText{.keyword = "txt2img", .text = "{}", .international = true}};
  const Bytes plain = encode_png(noise_image(4, 4), {});
  Bytes expected(plain.begin(), plain.begin() + kHeaderEnd);
  append_png_chunk(expected, {"tEXt", "Software\0txt2img 0.1.0"s});
  append_png_chunk(expected, {"tEXt", "parameters\0caf\xe9"s});
  append_png_chunk(expected, {"iTXt", "txt2img\0\0\0\0\0{}"s});
  expected.insert(expected.end(), plain.begin() + kHeaderEnd, plain.end());
  EXPECT_EQ(encode_png(noise_image(4, 4), texts), expected);
}

TEST_F(Png, ReadsTextsBack) {
  const std::vector<PngText> texts = {
      {.keyword = "a", .text = ""},
      {.keyword = std::string(79, 'k'), .text = "two\nlines, \u00ff"},
      {.keyword = "b", .text = "\u4e24\u4e2a\u82f9\u679c \U0001F34E", .international = true},
      {.keyword = "c", .text = "ascii", .international = true}};
  EXPECT_EQ(texts_of(encode_png(noise_image(4, 4), texts)), texts);
}

TEST_F(Png, MakesATextThatIsNotLatin1International) {
  for (const std::string& text : {"\u0100"s, "\U0001F34E"s, "\uFFFD"s}) {
    const std::array texts = {PngText{.keyword = "k", .text = text}};
    const PngText expected{.keyword = "k", .text = text, .international = true};
    EXPECT_EQ(texts_of(encode_png(noise_image(1, 1), texts)), std::vector{expected});
  }
}

TEST_F(Png, RefusesTextsThatNoChunkCanHold) {
  const std::string mebibyte(std::size_t{1} << 20U, 'x');
  for (const PngText& text :
       {PngText{.keyword = "", .text = "x"}, PngText{.keyword = std::string(80, 'k'), .text = "x"},
        PngText{.keyword = "caf\u00e9", .text = "x"}, PngText{.keyword = "a\nb", .text = "x"},
        PngText{.keyword = "k", .text = "a\0b"s}, PngText{.keyword = "k", .text = "\xff"},
        PngText{.keyword = "k", .text = "\xed\xa0\x80"}, PngText{.keyword = "k", .text = mebibyte}}) {
    expect_error(ExitCode::kUsage, [&] { encode_png(noise_image(1, 1), std::array{text}); });
  }
}

TEST_F(Png, HoldsAndReadsTextsUpToOneMebibyte) {
  const std::string longest((std::size_t{1} << 20U) - 2, 'x');
  const std::vector texts = {PngText{.keyword = "k", .text = longest}};
  EXPECT_EQ(texts_of(encode_png(noise_image(1, 1), texts)), texts);

  Bytes file = signature_and_header({});
  append_png_chunk(file, {"tEXt", "k\0"s + longest + "x"});
  append_png_chunk(file, {"IDAT", ""});
  append_png_chunk(file, {"IEND", ""});
  const std::string message = expect_error(ExitCode::kBadData, [&] { texts_of(file); });
  EXPECT_NE(message.find("1 MiB"), std::string::npos) << message;
}

TEST_F(Png, ReadsAtMostSixteenMebibytesOfText) {
  Bytes file = signature_and_header({});
  for (int i = 0; i < 17; ++i) append_png_chunk(file, {"tEXt", "k\0"s + std::string(1000000, 'x')});
  append_png_chunk(file, {"IDAT", ""});
  append_png_chunk(file, {"IEND", ""});
  const std::string message = expect_error(ExitCode::kBadData, [&] { texts_of(file); });
  EXPECT_NE(message.find("16 MiB"), std::string::npos) << message;
}

TEST_F(Png, RefusesPicturesItCannotEncode) {
  for (const Image& image :
       {Image{}, Image{.width = 0, .height = 4, .rgb = {}}, Image{.width = 4, .height = -1, .rgb = {}},
        Image{.width = 2, .height = 2, .rgb = Bytes(11)}, Image{.width = 2, .height = 2, .rgb = Bytes(13)},
        Image{.width = 16385, .height = 1, .rgb = Bytes(std::size_t{3} * 16385)},
        Image{.width = 1 << 30, .height = 1 << 30, .rgb = {}}}) {
    expect_error(ExitCode::kUsage, [&] { encode_png(image, {}); });
  }
}

TEST_F(Png, RefusesAFileCutAnywhere) {
  const std::array texts = {PngText{.keyword = "k", .text = "v"},
                            PngText{.keyword = "k", .text = "v", .international = true}};
  const Bytes file = encode_png(noise_image(3, 2), texts);
  const std::filesystem::path path = save(file);
  EXPECT_EQ(read_png(path), noise_image(3, 2));
  for (std::size_t size = file.size(); size-- > 0;) {
    SCOPED_TRACE(size);
    std::filesystem::resize_file(path, size);
    expect_refused(path);
  }
}

TEST_F(Png, RefusesAnyFlippedBit) {
  const Bytes file = encode_png(noise_image(3, 2), std::array{PngText{.keyword = "k", .text = "v"}});
  const std::filesystem::path path = save(file);
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, unsigned byte) {
    stream.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
  };
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    SCOPED_TRACE(bit);
    put(bit / 8, file[bit / 8] ^ (1U << (bit % 8)));
    expect_refused(path);
    put(bit / 8, file[bit / 8]);
  }
  EXPECT_EQ(read_png(path), noise_image(3, 2));
}

TEST_F(Png, RefusesBytesAfterTheEnd) {
  Bytes file = encode_png(noise_image(3, 2), {});
  file.push_back(0);
  expect_refused(file);
}

TEST_F(Png, SaysWhichFileIsNotThere) {
  for (const auto& read : {+[](const std::filesystem::path& path) { (void)read_png_texts(path); },
                           +[](const std::filesystem::path& path) { (void)read_png(path); }}) {
    const std::string message = expect_error(ExitCode::kMissingInput, [&] { read(folder_ / "absent.png"); });
    EXPECT_NE(message.find("absent.png"), std::string::npos) << message;
    expect_error(ExitCode::kBadData, [&] { read(folder_.path()); });
    expect_error(ExitCode::kBadData, [&] { read("/dev/zero"); });
  }
}

TEST_F(Png, RefusesFilesWithoutTheirParts) {
  Bytes without_data = signature_and_header({});
  append_png_chunk(without_data, {"IEND", ""});
  expect_refused(without_data);
  expect_refused(make_png({.width = 0}, ""));
  expect_refused(make_png({}, "\0abc"s, {{"ABCD", ""}}));  // critical, and unknown
  expect_refused(make_png({}, "\0abc"s, {{"a1cd", ""}}));  // not a name
  expect_refused(make_png({}, "\0abc"s, {{"IHDR", be32(1) + be32(1) + "\x08\x02\0\0\0"s}}));
  EXPECT_EQ(decode(make_png({}, "\0abc"s, {{"abCd", "?"}})).rgb, (Bytes{'a', 'b', 'c'}));
}

TEST_F(Png, RefusesPixelsThatCannotBeUnpacked) {
  const auto refuse = [&](const Bytes& file) { expect_error(ExitCode::kBadData, [&] { decode(file); }); };
  refuse(make_png({.width = 2}, "\0abc"s));  // too few
  refuse(make_png({},
                  "\x05"
                  "abc"));                   // no such filter
  refuse(make_png({.depth = 3}, "\0abc"s));  // no such depth
  refuse(make_png({.colour = 3}, "\0\0"s));  // no palette
  Bytes garbage = signature_and_header({});
  append_png_chunk(garbage, {"IDAT", "this is not zlib"});
  append_png_chunk(garbage, {"IEND", ""});
  refuse(garbage);
}

TEST_F(Png, RefusesPicturesLargerThanTheLimit) {
  const std::string message = expect_error(ExitCode::kBadData, [&] { decode(make_png({.width = 16385}, "")); });
  EXPECT_NE(message.find("16385 x 1"), std::string::npos) << message;
  expect_error(ExitCode::kBadData, [&] { decode(make_png({.height = 0xFFFFFFFF}, "")); });
}

// A few kilobytes that would unpack to megabytes, in a file that promises one pixel.
TEST_F(Png, DoesNotUnpackMoreThanTheSizeExplains) {
  const Image black{.width = 1200, .height = 1200, .rgb = Bytes(std::size_t{3} * 1200 * 1200)};
  const Bytes large = encode_png(black, {});
  Bytes file = signature_and_header({});
  file.insert(file.end(), large.begin() + kHeaderEnd, large.end());
  ASSERT_LT(file.size(), black.rgb.size() / 50);
  EXPECT_NO_THROW(texts_of(file));
  expect_error(ExitCode::kBadData, [&] { decode(file); });
}

TEST_F(Png, SpreadsGreyAndDropsAlpha) {
  EXPECT_EQ(decode(make_png({.width = 2, .colour = 0}, "\0\x10\xf0"s)).rgb, (Bytes{16, 16, 16, 240, 240, 240}));
  EXPECT_EQ(decode(make_png({.colour = 4}, "\0\x10\x80"s)).rgb, (Bytes{16, 16, 16}));
  EXPECT_EQ(decode(make_png({.colour = 6}, "\0\x01\x02\x03\x04"s)).rgb, (Bytes{1, 2, 3}));
  EXPECT_EQ(decode(make_png({.width = 8, .depth = 1, .colour = 0}, "\0\xaa"s)).rgb[0], 255);
  EXPECT_EQ(decode(make_png({}, "\0abc"s, {{"tRNS", "\0a\0b\0c"s}})).rgb, (Bytes{'a', 'b', 'c'}));
}

TEST_F(Png, ReadsPalettesAndSixteenBits) {
  const std::string palette = "\x01\x02\x03\x0a\x0b\x0c";
  EXPECT_EQ(decode(make_png({.width = 2, .depth = 1, .colour = 3}, "\0\x40"s, {{"PLTE", palette}})).rgb,
            (Bytes{1, 2, 3, 10, 11, 12}));
  EXPECT_EQ(decode(make_png({.depth = 16, .colour = 2}, "\0\x12\xff\x34\x00\x56\x80"s)).rgb, (Bytes{0x12, 0x34, 0x56}));
}

// Adam7 of 2 x 2 grey pixels: pass 1 has (0, 0), pass 6 (1, 0), pass 7 the second row.
TEST_F(Png, ReadsInterlacedPictures) {
  const Image image =
      decode(make_png({.width = 2, .height = 2, .colour = 0, .interlace = 1}, "\0\x01\0\x02\0\x03\x04"s));
  EXPECT_EQ(image.rgb, (Bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
}

TEST_F(Png, SkipsCompressedTextsAndRefusesMalformedOnes) {
  const auto with = [](const PngChunk& chunk) { return make_png({}, "\0abc"s, {chunk}); };
  EXPECT_TRUE(texts_of(with({"zTXt", "k\0\0x"s})).empty());
  EXPECT_TRUE(texts_of(with({"iTXt", "k\0\1\0\0\0x"s})).empty());
  EXPECT_EQ(texts_of(with({"iTXt", "k\0\0\0de\0Wort\0text"s})),
            (std::vector{PngText{.keyword = "k", .text = "text", .international = true}}));
  for (const PngChunk& chunk :
       {PngChunk{"tEXt", "no keyword"}, PngChunk{"tEXt", "\0x"sv}, PngChunk{"iTXt", "k\0"sv},
        PngChunk{"iTXt", "k\0\0\0de"sv}, PngChunk{"iTXt", "k\0\0\0de\0x"sv}, PngChunk{"iTXt", "k\0\0\0\0\0\xff"sv}}) {
    expect_error(ExitCode::kBadData, [&] { texts_of(with(chunk)); });
  }
}

}  // namespace
}  // namespace txt2img

// read_png() and read_png_texts(): damaged, hostile and other programs' files.
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "fixtures/png_fixture.h"
#include "png/png_decoder.h"

namespace txt2img {
namespace {

using namespace std::literals;

using PngRead = PngTest;

TEST_F(PngRead, RefusesAFileCutAnywhere) {
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

TEST_F(PngRead, RefusesAnyFlippedBit) {
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

TEST_F(PngRead, RefusesBytesAfterTheEnd) {
  Bytes file = encode_png(noise_image(3, 2), {});
  file.push_back(0);
  expect_refused(file);
}

TEST_F(PngRead, SaysWhichFileIsNotThere) {
  for (const auto& read : {+[](const std::filesystem::path& path) { (void)read_png_texts(path); },
                           +[](const std::filesystem::path& path) { (void)read_png(path); }}) {
    const std::string message = expect_error(ExitCode::kMissingInput, [&] { read(folder_ / "absent.png"); });
    EXPECT_NE(message.find("absent.png"), std::string::npos) << message;
    expect_error(ExitCode::kBadData, [&] { read(folder_.path()); });
    expect_error(ExitCode::kBadData, [&] { read("/dev/zero"); });
  }
}

TEST_F(PngRead, RefusesFilesWithoutTheirParts) {
  Bytes without_data = signature_and_header({});
  append_png_chunk(without_data, {"IEND", ""});
  expect_refused(without_data);
  expect_refused(make_png({.width = 0}, ""));
  expect_refused(make_png({}, "\0abc"s, {{"ABCD", ""}}));  // critical, and unknown
  expect_refused(make_png({}, "\0abc"s, {{"a1cd", ""}}));  // not a name
  expect_refused(make_png({}, "\0abc"s, {{"IHDR", be32(1) + be32(1) + "\x08\x02\0\0\0"s}}));
  EXPECT_EQ(decode(make_png({}, "\0abc"s, {{"abCd", "?"}})).rgb, (Bytes{'a', 'b', 'c'}));
}

TEST_F(PngRead, RefusesPixelsThatCannotBeUnpacked) {
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

TEST_F(PngRead, RefusesPicturesLargerThanTheLimit) {
  const std::string message = expect_error(ExitCode::kBadData, [&] { decode(make_png({.width = 16385}, "")); });
  EXPECT_NE(message.find("16385 x 1"), std::string::npos) << message;
  expect_error(ExitCode::kBadData, [&] { decode(make_png({.height = 0xFFFFFFFF}, "")); });
}

// A few kilobytes that would unpack to megabytes, in a file that promises one pixel.
TEST_F(PngRead, DoesNotUnpackMoreThanTheSizeExplains) {
  const Image black{.width = 1200, .height = 1200, .rgb = Bytes(std::size_t{3} * 1200 * 1200)};
  const Bytes large = encode_png(black, {});
  Bytes file = signature_and_header({});
  file.insert(file.end(), large.begin() + kPngHeaderEnd, large.end());
  ASSERT_LT(file.size(), black.rgb.size() / 50);
  EXPECT_NO_THROW(texts_of(file));
  expect_error(ExitCode::kBadData, [&] { decode(file); });
}

TEST_F(PngRead, SpreadsGreyAndDropsAlpha) {
  EXPECT_EQ(decode(make_png({.width = 2, .colour = 0}, "\0\x10\xf0"s)).rgb, (Bytes{16, 16, 16, 240, 240, 240}));
  EXPECT_EQ(decode(make_png({.colour = 4}, "\0\x10\x80"s)).rgb, (Bytes{16, 16, 16}));
  EXPECT_EQ(decode(make_png({.colour = 6}, "\0\x01\x02\x03\x04"s)).rgb, (Bytes{1, 2, 3}));
  EXPECT_EQ(decode(make_png({.width = 8, .depth = 1, .colour = 0}, "\0\xaa"s)).rgb[0], 255);
  EXPECT_EQ(decode(make_png({}, "\0abc"s, {{"tRNS", "\0a\0b\0c"s}})).rgb, (Bytes{'a', 'b', 'c'}));
}

TEST_F(PngRead, ReadsPalettesAndSixteenBits) {
  const std::string palette = "\x01\x02\x03\x0a\x0b\x0c";
  EXPECT_EQ(decode(make_png({.width = 2, .depth = 1, .colour = 3}, "\0\x40"s, {{"PLTE", palette}})).rgb,
            (Bytes{1, 2, 3, 10, 11, 12}));
  EXPECT_EQ(decode(make_png({.depth = 16, .colour = 2}, "\0\x12\xff\x34\x00\x56\x80"s)).rgb, (Bytes{0x12, 0x34, 0x56}));
}

// Adam7 of 2 x 2 grey pixels: pass 1 has (0, 0), pass 6 (1, 0), pass 7 the second row.
TEST_F(PngRead, ReadsInterlacedPictures) {
  const Image image =
      decode(make_png({.width = 2, .height = 2, .colour = 0, .interlace = 1}, "\0\x01\0\x02\0\x03\x04"s));
  EXPECT_EQ(image.rgb, (Bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
}

TEST_F(PngRead, UnpacksTexts) {
  const auto with = [](const PngChunk& chunk) { return make_png({}, "\0abc"s, {chunk}); };
  EXPECT_EQ(texts_of(with({"zTXt", "k\0\0"s + zlib("caf\xe9")})),
            (std::vector{PngText{.keyword = "k", .text = "café"}}));
  EXPECT_EQ(texts_of(with({"iTXt", "k\0\1\0de\0Wort\0"s + zlib("草")})),
            (std::vector{PngText{.keyword = "k", .text = "草", .international = true}}));
}

TEST_F(PngRead, UnpacksNoMoreThanItIsAskedFor) {
  EXPECT_EQ(unpack_zlib(zlib("abcd"), 4), "abcd");
  EXPECT_EQ(unpack_zlib(zlib("abcd"), 3), std::nullopt);
  EXPECT_EQ(unpack_zlib("", 3), std::nullopt);
  EXPECT_EQ(unpack_zlib(zlib("abcd").substr(0, 8), 4), std::nullopt);
}

TEST_F(PngRead, SkipsCompressedTextsThatAreBrokenAndRefusesMalformedOnes) {
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

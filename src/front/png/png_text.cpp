#include "png/png_text.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "png/exif_comment.h"
#include "png/png_decoder.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::size_t kKeywordMax = 79;

Error cannot_hold(const PngText& text, const std::string& problem) {
  return {ExitCode::kUsage, format_text("a PNG cannot hold the text \"{}\": {}", text.keyword, problem)};
}

void check(const PngText& text) {
  const bool is_printable = std::ranges::all_of(text.keyword, [](char c) { return c >= ' ' && c <= '~'; });
  if (text.keyword.empty() || text.keyword.size() > kKeywordMax || !is_printable) {
    throw cannot_hold(text, "its keyword must have 1 to 79 characters of printable ASCII");
  }
  if (text.text.find('\0') != std::string::npos) throw cannot_hold(text, "it has a NUL character; leave it out");
  if (!is_valid_utf8(text.text)) throw cannot_hold(text, "it is not UTF-8");
}

// The text in Latin-1, if all its characters are there.
std::optional<std::string> to_latin1(std::string_view text) {
  std::string latin1;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (point.value > 0xFF) return std::nullopt;
    latin1 += static_cast<char>(point.value);
    at += point.size;
  }
  return latin1;
}

std::string from_latin1(std::string_view latin1) {
  std::string text;
  for (const char c : latin1) append_utf8(text, static_cast<unsigned char>(c));
  return text;
}

// Takes the bytes up to the next NUL off `rest`, and the NUL.
std::optional<std::string_view> take_field(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

// After the keyword of a zTXt: compression method, text. Nothing if it cannot be unpacked.
std::optional<PngText> parse_packed(std::string_view keyword, std::string_view rest) {
  const std::optional<std::string> text = rest.empty() ? std::nullopt : unpack_zlib(rest.substr(1), kPngTextMax);
  if (!text) return std::nullopt;
  return PngText{.keyword = from_latin1(keyword), .text = from_latin1(*text)};
}

// After the keyword of an iTXt: compression flag and method, language tag, translated keyword, text. Nothing for a
// packed one that cannot be unpacked.
std::optional<PngText> parse_international(std::string_view keyword, std::string_view rest, const fs::path& path) {
  if (rest.size() < 2) throw bad_png(path, "its iTXt chunk is malformed");
  const bool is_compressed = rest[0] != 0;
  rest.remove_prefix(2);
  if (!take_field(rest) || !take_field(rest)) throw bad_png(path, "its iTXt chunk is malformed");
  std::optional<std::string> text = is_compressed ? unpack_zlib(rest, kPngTextMax) : std::string(rest);
  if (!text) return std::nullopt;
  if (!is_valid_utf8(*text)) throw bad_png(path, "the text of its iTXt chunk is not UTF-8");
  return PngText{.keyword = from_latin1(keyword), .text = *std::move(text), .international = true};
}

std::optional<PngText> parse_exif(std::string_view data) {
  std::optional<std::string> comment = exif_comment(data.substr(0, kPngTextMax));
  if (!comment) return std::nullopt;
  return PngText{.keyword = "UserComment", .text = *std::move(comment), .international = true};
}

}  // namespace

void append_png_text(std::vector<std::uint8_t>& file, const PngText& text) {
  check(text);
  const std::optional<std::string> latin1 = text.international ? std::nullopt : to_latin1(text.text);
  const std::string data =
      latin1 ? text.keyword + '\0' + *latin1 : text.keyword + std::string("\0\0\0\0\0"sv) + text.text;
  if (data.size() > kPngTextMax) {
    throw cannot_hold(text, format_text("it has {} bytes, at most 1 MiB is read back", data.size()));
  }
  append_png_chunk(file, {.type = latin1 ? "tEXt" : "iTXt", .data = data});
}

std::optional<PngText> parse_png_text(const PngChunk& chunk, const fs::path& path) {
  if (chunk.type == "eXIf") return parse_exif(chunk.data);
  if (chunk.type != "tEXt" && chunk.type != "zTXt" && chunk.type != "iTXt") return std::nullopt;
  if (chunk.data.size() > kPngTextMax) throw bad_png(path, "it has a text chunk of more than 1 MiB");
  std::string_view rest = chunk.data;
  const std::optional<std::string_view> keyword = take_field(rest);
  if (!keyword || keyword->empty() || keyword->size() > kKeywordMax) {
    throw bad_png(path, "a text chunk of it has no keyword");
  }
  if (chunk.type == "iTXt") return parse_international(*keyword, rest, path);
  if (chunk.type == "zTXt") return parse_packed(*keyword, rest);
  return PngText{.keyword = from_latin1(*keyword), .text = from_latin1(rest)};
}

}  // namespace txt2img

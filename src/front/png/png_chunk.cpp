#include "png/png_chunk.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>

#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kOverhead = 12;  // length, type and CRC of a chunk

// CRC-32 of ISO 3309, as in annex D of the PNG specification.
std::uint32_t crc_of(std::string_view type, std::string_view data) {
  const std::uint32_t crc = libdeflate_crc32(0, type.data(), type.size());
  return data.empty() ? crc : libdeflate_crc32(crc, data.data(), data.size());  // a null pointer would begin anew
}

std::uint32_t read_be32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = (value << 8U) | static_cast<unsigned char>(c);
  return value;
}

void append_be32(std::vector<std::uint8_t>& file, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) file.push_back(static_cast<std::uint8_t>(value >> shift));
}

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Takes the next chunk off `rest`.
PngChunk take_chunk(std::string_view& rest, const fs::path& path) {
  if (rest.size() < kOverhead) throw bad_png(path, "it is cut off");
  const std::uint32_t length = read_be32(rest);
  const PngChunk chunk{rest.substr(4, 4), rest.substr(8, length)};
  if (!std::ranges::all_of(chunk.type, is_letter)) throw bad_png(path, "a chunk has no proper name");
  if (length > rest.size() - kOverhead) throw bad_png(path, format_text("its {} chunk is cut off", chunk.type));
  if (read_be32(rest.substr(8 + length)) != crc_of(chunk.type, chunk.data)) {
    throw bad_png(path, format_text("the checksum of its {} chunk is wrong", chunk.type));
  }
  rest.remove_prefix(length + kOverhead);
  return chunk;
}

PngHeader read_header(const PngChunk& chunk, const fs::path& path) {
  if (chunk.type != "IHDR" || chunk.data.size() != 13) throw bad_png(path, "it does not begin with its size");
  const PngHeader header{.width = read_be32(chunk.data), .height = read_be32(chunk.data.substr(4))};
  if (header.width == 0 || header.height == 0) throw bad_png(path, "it has no pixels");
  return header;
}

// A capital first letter: nobody who does not know the chunk can read the picture.
bool is_unknown_and_critical(std::string_view type) {
  return type[0] >= 'A' && type[0] <= 'Z' && type != "PLTE" && type != "IDAT";
}

}  // namespace

Error bad_png(const fs::path& path, const std::string& problem) {
  return {ExitCode::kBadData, format_text("{} cannot be read as a PNG picture: {}; make it again or give another file",
                                          path.string(), problem)};
}

void append_png_chunk(std::vector<std::uint8_t>& file, const PngChunk& chunk) {
  append_be32(file, static_cast<std::uint32_t>(chunk.data.size()));
  file.insert(file.end(), chunk.type.begin(), chunk.type.end());
  file.insert(file.end(), chunk.data.begin(), chunk.data.end());
  append_be32(file, crc_of(chunk.type, chunk.data));
}

PngHeader walk_png_chunks(std::string_view file, const fs::path& path,
                          const std::function<void(const PngChunk&)>& visit) {
  if (!file.starts_with(kSignature)) throw bad_png(path, "it does not begin as one");
  std::string_view rest = file.substr(kSignature.size());
  const PngHeader header = read_header(take_chunk(rest, path), path);
  bool has_data = false;
  for (PngChunk chunk = take_chunk(rest, path); chunk.type != "IEND"; chunk = take_chunk(rest, path)) {
    if (is_unknown_and_critical(chunk.type)) {
      throw bad_png(path, format_text("it needs a chunk {} that txt2img does not know", chunk.type));
    }
    has_data = has_data || chunk.type == "IDAT";
    visit(chunk);
  }
  if (!has_data) throw bad_png(path, "it has no pixels");
  if (!rest.empty()) throw bad_png(path, std::to_string(rest.size()) + " bytes follow its end");
  return header;
}

}  // namespace txt2img

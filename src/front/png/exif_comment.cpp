#include "png/exif_comment.h"

#include <cstddef>
#include <cstdint>

#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using namespace std::string_view_literals;

enum class Endian { kLittle, kBig };

constexpr std::uint16_t kExifIfd = 0x8769;
constexpr std::uint16_t kUserComment = 0x9286;
constexpr std::size_t kEntrySize = 12;  // tag, type, count, value or offset

// Views into the structure; what lies outside it is empty.
struct Tiff {
  std::string_view bytes;
  Endian endian{};

  [[nodiscard]] std::string_view part(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return {};
    return bytes.substr(at, size);
  }

  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t size) const {
    std::uint32_t value = 0;
    const std::string_view digits = part(at, size);
    for (std::size_t i = 0; i < digits.size(); ++i) {
      const std::size_t place = endian == Endian::kBig ? i : digits.size() - 1 - i;
      value = value << 8U | static_cast<unsigned char>(digits[place]);
    }
    return value;
  }
};

std::optional<Tiff> open_tiff(std::string_view bytes) {
  if (bytes.starts_with("Exif\0\0"sv)) bytes.remove_prefix(6);  // as in a JPEG; some writers keep it
  if (bytes.starts_with("II*\0"sv)) return Tiff{.bytes = bytes, .endian = Endian::kLittle};
  if (bytes.starts_with("MM\0*"sv)) return Tiff{.bytes = bytes, .endian = Endian::kBig};
  return std::nullopt;
}

// Where the entry of a tag lies in the directory at `ifd`.
std::optional<std::size_t> find_entry(const Tiff& tiff, std::size_t ifd, std::uint16_t tag) {
  const std::size_t count = tiff.number(ifd, 2);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = ifd + 2 + i * kEntrySize;
    if (tiff.part(at, kEntrySize).empty()) return std::nullopt;
    if (tiff.number(at, 2) == tag) return at;
  }
  return std::nullopt;
}

bool is_surrogate(char32_t unit) { return unit >= 0xD800 && unit < 0xE000; }

std::string from_utf16(const Tiff& text) {
  std::string utf8;
  for (std::size_t at = 0; at + 1 < text.bytes.size(); at += 2) {
    char32_t point = text.number(at, 2);
    const char32_t next = text.number(at + 2, 2);
    if (point >= 0xD800 && point < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
      point = 0x10000 + ((point - 0xD800) << 10U) + (next - 0xDC00);
      at += 2;
    }
    if (point == 0) break;
    append_utf8(utf8, is_surrogate(point) ? 0xFFFD : point);
  }
  return utf8;
}

// EXIF leaves the order of bytes open: that of the file or not, piexif writes big endian. In most texts the high byte
// of a character is zero more often than the low one.
Endian guess_endian(std::string_view text) {
  std::size_t even = 0;
  std::size_t odd = 0;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    even += text[i] == '\0' ? 1 : 0;
    odd += text[i + 1] == '\0' ? 1 : 0;
  }
  return odd > even ? Endian::kLittle : Endian::kBig;
}

std::string decode_utf16(std::string_view text) {
  if (text.starts_with("\xFF\xFE")) return from_utf16({.bytes = text.substr(2), .endian = Endian::kLittle});
  if (text.starts_with("\xFE\xFF")) return from_utf16({.bytes = text.substr(2), .endian = Endian::kBig});
  return from_utf16({.bytes = text, .endian = guess_endian(text)});
}

// The first eight bytes name the character set; some programs leave them out.
std::string decode_comment(std::string_view value) {
  constexpr std::size_t kCodeSize = 8;
  if (value.starts_with("UNICODE\0"sv)) return decode_utf16(value.substr(kCodeSize));
  if (value.starts_with("ASCII\0\0\0"sv) || value.starts_with("\0\0\0\0\0\0\0\0"sv)) value.remove_prefix(kCodeSize);
  return replace_invalid_utf8(value.substr(0, value.find('\0')));
}

}  // namespace

std::optional<std::string> exif_comment(std::string_view tiff) {
  const std::optional<Tiff> opened = open_tiff(tiff);
  if (!opened) return std::nullopt;
  const std::optional<std::size_t> pointer = find_entry(*opened, opened->number(4, 4), kExifIfd);
  if (!pointer) return std::nullopt;
  const std::optional<std::size_t> entry = find_entry(*opened, opened->number(*pointer + 8, 4), kUserComment);
  if (!entry) return std::nullopt;
  const std::string_view value = opened->part(opened->number(*entry + 8, 4), opened->number(*entry + 4, 4));
  std::string comment = decode_comment(value);
  return comment.empty() ? std::nullopt : std::optional(std::move(comment));
}

}  // namespace txt2img

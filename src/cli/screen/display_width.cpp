#include "screen/display_width.h"

#include <utf8proc.h>

#include <algorithm>

#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

constexpr std::string_view kEllipsis = "...";

std::size_t width_of(char32_t c) {
  return static_cast<std::size_t>(std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(c))));
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    width += width_of(c.value);
    at += c.size;
  }
  return width;
}

std::string fit_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  const std::size_t room = columns - std::min(columns, kEllipsis.size());
  std::size_t end = 0;
  for (std::size_t width = 0; end < text.size();) {
    const CodePoint c = decode_utf8(text, end);
    width += width_of(c.value);
    if (width > room) break;
    end += c.size;
  }
  return std::string(text.substr(0, end)) + std::string(kEllipsis.substr(0, columns));
}

std::string shorten(std::string_view text) {
  constexpr std::size_t kMax = 2000;
  constexpr std::size_t kStart = 1200;
  constexpr std::size_t kEnd = 500;
  if (text.size() <= kMax) return std::string(text);
  const auto is_inside = [&](std::size_t at) { return (text[at] & 0xC0) == 0x80; };
  std::size_t start = kStart;
  std::size_t end = text.size() - kEnd;
  while (is_inside(start)) --start;
  while (end < text.size() && is_inside(end)) ++end;
  return format_text("{} ... ({} bytes more) ... {}", text.substr(0, start), end - start, text.substr(end));
}

}  // namespace txt2img::cli

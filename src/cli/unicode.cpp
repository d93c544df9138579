#include "cli/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "utf8.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kSlugMax = 64;  // bytes
constexpr std::size_t kWordMax = 24;  // bytes of a last word that may go for a cut between words
constexpr std::string_view kEllipsis = "...";

std::size_t width_of(char32_t c) {
  return static_cast<std::size_t>(std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(c))));
}

// Composed, so that one text has one name.
std::string compose(std::string_view text) {
  const std::string valid = replace_invalid_utf8(text);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()), static_cast<utf8proc_ssize_t>(valid.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  return size < 0 ? valid : std::string(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size));
}

bool is_mark(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return true;
    default: return false;
  }
}

bool is_letter_or_digit(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
  }
}

// The whole text as words joined by '-'.
std::string join_words(std::string_view text) {
  std::string joined;
  bool is_in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    at += c.size;
    const bool belongs = is_letter_or_digit(c.value) || (is_in_word && is_mark(c.value));
    if (belongs && !is_in_word && !joined.empty()) joined += '-';
    if (belongs) append_utf8(joined, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    is_in_word = belongs;
  }
  return joined;
}

// At the end of a word if there is one near, else at least not within a character.
std::string cut_slug(std::string slug) {
  if (slug.size() <= kSlugMax) return slug;
  const std::size_t dash = slug.rfind('-', kSlugMax);
  if (dash != std::string::npos && dash + kWordMax >= kSlugMax) return slug.substr(0, dash);
  std::size_t end = kSlugMax;
  while (end > 0 && ((slug[end] & 0xC0) == 0x80 || is_mark(decode_utf8(slug, end).value))) --end;
  return slug.substr(0, end);
}

// Names that mean a device on Windows, whatever follows the first dot.
bool is_device_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kDevices = {"con", "prn", "aux", "nul"};
  if (std::ranges::find(kDevices, name) != kDevices.end()) return true;
  return name.size() == 4 && (name.starts_with("com") || name.starts_with("lpt")) && name[3] >= '0' && name[3] <= '9';
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

std::string slug(std::string_view text) {
  std::string name = cut_slug(join_words(compose(text)));
  if (is_device_name(name)) name += '_';
  return name.empty() ? "picture" : name;
}

}  // namespace txt2img::cli

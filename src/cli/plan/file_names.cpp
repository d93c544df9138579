#include "plan/file_names.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kWordMax = 24;  // bytes of a last word that may go for a cut between words

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string map_text(std::string_view text, int options) {
  const std::string valid = replace_invalid_utf8(text);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()), static_cast<utf8proc_ssize_t>(valid.size()),
                   &mapped, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  return size < 0 ? valid : std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

// Composed, so that one text has one name.
std::string compose(std::string_view text) { return map_text(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE); }

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
std::string cut_slug(std::string slug, std::size_t bytes) {
  if (slug.size() <= bytes) return slug;
  const std::size_t dash = slug.rfind('-', bytes);
  if (dash != std::string::npos && dash + kWordMax >= bytes) return slug.substr(0, dash);
  std::size_t end = bytes;
  while (end > 0 && ((slug[end] & 0xC0) == 0x80 || is_mark(decode_utf8(slug, end).value))) --end;
  return slug.substr(0, end);
}

// Names that mean a device on Windows, whatever follows the first dot.
bool is_device_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kDevices = {"con", "prn", "aux", "nul"};
  if (std::ranges::find(kDevices, name) != kDevices.end()) return true;
  return name.size() == 4 && (name.starts_with("com") || name.starts_with("lpt")) && name[3] >= '0' && name[3] <= '9';
}

// Shown as nothing, or able to make other text look different: format characters (bidi controls among them), line and
// paragraph separators, what is not assigned.
bool is_hidden(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return true;
    default: return false;
  }
}

bool is_refused_in_names(char32_t c) {
  return is_hidden(c) || (c < 0x80 && std::string_view("\\/:*?\"<>|").find(static_cast<char>(c)) != std::string::npos);
}

std::size_t cut_at_character(std::string_view text, std::size_t bytes) {
  std::size_t end = std::min(bytes, text.size());
  while (end > 0 && end < text.size() && (text[end] & 0xC0) == 0x80) --end;
  return end;
}

// The part up to the next slash, which goes off the path too.
std::string_view take_part(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

}  // namespace

std::string slug(std::string_view text, std::size_t bytes) {
  std::string name = cut_slug(join_words(is_ascii(text) ? std::string(text) : compose(text)), bytes);
  if (is_device_name(name)) name += '_';
  return name.empty() ? "picture" : name;
}

std::string plain_name(std::string_view text, std::size_t bytes) {
  const std::string composed = is_ascii(text) ? std::string(text) : compose(text);
  std::string name;
  for (std::size_t at = 0; at < composed.size();) {
    const CodePoint c = decode_utf8(composed, at);
    at += c.size;
    append_utf8(name, is_refused_in_names(c.value) ? U'_' : c.value);
  }
  name.resize(cut_at_character(name, bytes));
  const auto is_at_no_end = [](char c) { return c == '.' || c == ' '; };
  if (!name.empty() && is_at_no_end(name.front())) name.front() = '_';
  if (!name.empty() && is_at_no_end(name.back())) name.back() = '_';
  return name.empty() ? "picture" : name;
}

std::string avoid_device_names(std::string_view path) {
  std::string safe;
  while (!path.empty()) {
    const std::string_view part = take_part(path);
    const std::size_t dot = std::min(part.find('.'), part.size());
    safe += part.substr(0, dot);
    if (is_device_name(lower_case(part.substr(0, dot)))) safe += '_';
    safe += part.substr(dot);
    if (!path.empty()) safe += '/';
  }
  return safe;
}

std::string compose_name(std::string_view name) { return is_ascii(name) ? std::string(name) : compose(name); }

std::string fold_name(std::string_view name) {
  return is_ascii(name) ? lower_case(name) : map_text(name, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

void check_relative_name(std::string_view path) {
  if (path.empty()) throw Error(ExitCode::kBadData, "it is empty");
  if (path.starts_with('/'))
    throw Error(ExitCode::kBadData, "it begins with '/'; write it relative to the folder of --output");
  if (path.starts_with("~/"))
    throw Error(ExitCode::kBadData, "it begins with '~'; write it relative to the folder of --output");
  for (std::size_t at = 0; at < path.size();) {
    const CodePoint c = decode_utf8(path, at);
    at += c.size;
    if (is_hidden(c.value) || c.value == U'\\') {
      throw Error(ExitCode::kBadData, "it has a backslash or a character that cannot be seen");
    }
  }
  while (!path.empty()) {
    const std::string_view part = take_part(path);
    if (!part.empty() && part != "." && part != "..") continue;
    throw Error(ExitCode::kBadData,
                "it has a part that is empty, '.' or '..'; names lead to a place below the folder of --output");
  }
}

}  // namespace txt2img::cli

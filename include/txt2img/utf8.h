// UTF-8 from outside: decoding it without trust, and making it fit to be shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  char32_t value = 0;    // U+FFFD if the bytes are not UTF-8
  std::size_t size = 0;  // bytes read, at least 1
  bool is_valid = true;
};

// The code point at `at`, which lies inside the text. Of wrong bytes it takes the longest start of a code point (the
// practice of Unicode section 3.9, Python and browsers), so that each such piece becomes one U+FFFD.
TXT2IMG_API CodePoint decode_utf8(std::string_view text, std::size_t at);

// Appends a scalar value (no surrogate, at most U+10FFFF).
TXT2IMG_API void append_utf8(std::string& text, char32_t value);

TXT2IMG_API bool is_valid_utf8(std::string_view text);

// The text with U+FFFD in place of what is not UTF-8.
TXT2IMG_API std::string replace_invalid_utf8(std::string_view text);

// The text as it may be written to a terminal, on one line: control characters, line separators, characters that
// reverse or hide text and bytes that are not UTF-8 become \n, \x1b, \u202e and the like. Doing it twice changes
// nothing.
TXT2IMG_API std::string escape_for_terminal(std::string_view text);

}  // namespace txt2img

// Text drawn into pictures, in a font of 5 x 7 dots that has the characters of ASCII.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "txt2img/image.h"

namespace txt2img::cli {

// Pixels from letter to letter and from line to line.
inline constexpr int kLetterWidth = 12;
inline constexpr int kLineHeight = 20;

// Stands for a character that the font does not have: a hollow box.
inline constexpr char kNoLetter = '\x7F';

// The text as the font can show it: accents are left out, quotes and dashes made plain, each other character becomes
// kNoLetter.
std::string to_letters(std::string_view text);

// Whether half of the letters or more are missing, so that nobody could read it.
bool is_unreadable(std::string_view letters);

// Broken between words into at most that many lines of that many letters; "..." ends what had to be cut.
std::vector<std::string> wrap_letters(std::string_view letters, std::size_t columns, std::size_t lines);

// One line. `letters` are ASCII or kNoLetter, and have room in the picture.
void draw_letters(Image& image, std::string_view letters, int left, int top, std::uint8_t grey);

}  // namespace txt2img::cli

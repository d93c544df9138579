// Characters of ASCII.
#pragma once

#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// All other bytes stay, those of UTF-8 too.
TXT2IMG_API std::string lower_case(std::string_view text);

}  // namespace txt2img

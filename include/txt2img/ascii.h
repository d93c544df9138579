// Letters of ASCII, for words whose case does not matter.
#pragma once

#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// All other bytes stay, those of UTF-8 too.
TXT2IMG_API std::string lower_case(std::string_view text);

}  // namespace txt2img

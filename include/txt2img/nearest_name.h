// Which of some names was meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "txt2img/export.h"

namespace txt2img {

// The name as it is compared with others: without case, spaces, '-' and '_'; "DPM++" is "dpmpp".
TXT2IMG_API std::string fold(std::string_view name);

// The candidate with the smallest edit distance to `word`, or empty if none is near enough to be meant.
TXT2IMG_API std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace txt2img

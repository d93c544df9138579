// How far two words are apart.
#pragma once

#include <cstddef>
#include <string_view>

namespace txt2img {

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), in bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace txt2img

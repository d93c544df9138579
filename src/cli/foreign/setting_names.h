// What the texts of other programs say in our words.
#pragma once

#include <string_view>

namespace txt2img::cli::foreign {

// The long name of the option that a key stands for, in our words or in another program's; empty: none. The value
// decides what a "scheduler" is.
std::string_view find_option_of(std::string_view key, std::string_view value);

// Whether the option differs from picture to picture, and is not the number of pictures.
bool is_of_picture(std::string_view option);

}  // namespace txt2img::cli::foreign

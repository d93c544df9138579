// The user's folder in a path that no shell has read.
#pragma once

#include <string>
#include <string_view>

namespace txt2img::cli {

// "~" and "~/x" as a shell expands them; all else as it is, also where nobody knows the folder.
std::string expand_home(std::string_view path);

}  // namespace txt2img::cli

// Where models lie that came with the program.
#pragma once

#include <filesystem>
#include <vector>

namespace txt2img {

// <prefix>/share/txt2img/models of an installed library, and models/ of the source tree whose build/<preset>/ it lies
// in; those of them that exist.
std::vector<std::filesystem::path> own_model_folders(const std::filesystem::path& library);

}  // namespace txt2img

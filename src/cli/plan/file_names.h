// File names made of text from outside: safe on every file system, and never a way out of a folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace txt2img::cli {

// Leaves room for "_000000.png" within the 255 bytes of a name.
inline constexpr std::size_t kPlainNameMax = 240;

// The letters, marks and digits of the text, in lower case and joined by '-', in at most that many bytes; "picture" if
// nothing is left.
std::string slug(std::string_view text, std::size_t bytes);

// The text as it is, in at most that many bytes, but for what no name should hold: control and invisible characters,
// those that reverse text, and \ / : * ? " < > | become '_', as do dots and spaces at its ends.
std::string plain_name(std::string_view text, std::size_t bytes);

// Parts of a path that mean a device on Windows, whatever follows their first dot, get a '_': con_.png.
std::string avoid_device_names(std::string_view path);

// Throws Error(kBadData) unless the path leads to a file below the folder it is taken in: no "..", no '/' at its start,
// no empty part, nothing but text that can be shown.
void check_relative_name(std::string_view path);

// Equal for names that are one where case, or composed and decomposed letters, are not told apart.
std::string fold_name(std::string_view name);

// Composed letters, as most programs write them.
std::string compose_name(std::string_view name);

}  // namespace txt2img::cli

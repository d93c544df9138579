// SHA-256 of bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "txt2img/export.h"

namespace txt2img {

// 64 lower-case hex digits.
TXT2IMG_API std::string sha256_hex(std::span<const std::byte> bytes);

// Of a whole file, read in pieces. Throws Error(kMissingInput) or Error(kIo).
TXT2IMG_API std::string sha256_hex_of_file(const std::filesystem::path& path);

}  // namespace txt2img

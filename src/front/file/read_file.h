// A small file as one string.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace txt2img {

// The whole of a regular file of at most `max_bytes`; the size is checked before a byte is read, so that devices, pipes
// and endless files are refused at once. Throws Error: kMissingInput, kBadData (not a regular file, too large), kIo.
std::string read_small_file(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace txt2img

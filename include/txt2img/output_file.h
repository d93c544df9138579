// Files that are either whole or not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "txt2img/export.h"

namespace txt2img {

// What to do where a file of that name is already there.
enum class OnExists { kRename, kOverwrite, kSkip, kError };

// Writes `bytes` to `<folder>/.txt2img-<pid>-<n>.tmp`, syncs it, gives it its final name and syncs the folder. Makes
// missing folders. kRename picks NAME-2.png, NAME-3.png, ... without a race; kSkip leaves the old file.
// A device, a pipe or a link to an open file (/dev/stdout) is written into, whatever `on_exists` says; any other link
// is replaced, not followed. Returns the name it got, or nothing if skipped. On failure nothing is left behind. Throws
// Error: kCannotCreate (folder or file cannot be made, or exists under kError), kIo (writing failed: disk full).
TXT2IMG_API std::optional<std::filesystem::path> write_output_file(const std::filesystem::path& path,
                                                                   std::span<const std::uint8_t> bytes,
                                                                   OnExists on_exists);

// Gives a file another name, in a folder that is made if need be, unless something has that name already: says whether
// it did. Whenever the process dies, the file has one of the names. Throws Error: kCannotCreate, kIo.
TXT2IMG_API bool rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Gives a file the first free name of NAME-2.png, NAME-3.png, ..., which is returned. Throws like rename_file.
TXT2IMG_API std::filesystem::path set_aside(const std::filesystem::path& path);

// Checks before any work that a file could be made at `path`: the folder exists or can be made, is writable, and `path`
// is not a folder. Makes nothing that stays. Throws Error(kCannotCreate).
TXT2IMG_API void check_can_create(const std::filesystem::path& path);

// Removes temporary files of this process that a signal would leave behind. Async-signal-safe.
TXT2IMG_API void remove_temporary_files() noexcept;

}  // namespace txt2img

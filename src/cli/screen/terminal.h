// The terminal, if there is one.
#pragma once

#include <cstddef>

namespace txt2img::cli {

enum class Stream { kOutput = 1, kError = 2 };

// A terminal that understands control sequences.
bool is_terminal(Stream stream);

std::size_t terminal_columns(Stream stream);

// Whether the locale says that UTF-8 can be shown.
bool shows_unicode();

// NO_COLOR (no-color.org) is set.
bool forbids_colour();

// A descriptor 0, 1 or 2 that was closed would be given to the next file: keep them taken. Writing to one still fails.
void keep_standard_streams();

// Writes everything, whatever the pieces. False if it failed, with errno.
bool write_all(Stream stream, const void* data, std::size_t size) noexcept;

}  // namespace txt2img::cli

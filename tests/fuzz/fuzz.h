// What the fuzz targets share. Each target is fed bytes of any kind; txt2img::Error is the only answer but success.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "txt2img/error.h"
#include "txt2img/utf8.h"

namespace txt2img::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file that lies in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (::write(descriptor_, content.data(), content.size()) != static_cast<ssize_t>(content.size())) std::abort();
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// Runs `work`; an error has to be a sentence of one line, without control characters.
template <typename Work>
int try_it(Work work) {
  try {
    work();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    for (const char c : message) {
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
    }
    if (message.empty()) std::abort();
  }
  return 0;
}

// The same for what only the program calls: it escapes the text that it was given when it says what is wrong.
template <typename Work>
int try_shown(Work work) {
  return try_it([&] {
    try {
      work();
    } catch (const Error& error) {
      throw Error(error.code(), escape_for_terminal(error.what()));
    }
  });
}

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace txt2img::fuzz

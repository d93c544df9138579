// A file that goes away again unless it gets another name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "file/file_descriptor.h"

namespace txt2img {

// Lies beside its target as `.txt2img-<pid>-<n>.tmp`; known to remove_temporary_files() while it exists.
class TemporaryFile {
 public:
  // Throws Error: kCannotCreate, or kIo (disk full).
  explicit TemporaryFile(const std::filesystem::path& target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  // The whole content, down to the disk. Throws Error(kIo).
  void fill(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  TemporaryFile();

  std::filesystem::path target_;
  std::filesystem::path path_;
  int slot_;
  FileDescriptor descriptor_;
};

}  // namespace txt2img

// An open file that closes itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

#include "txt2img/error.h"

namespace txt2img {

// "cannot write x.png: No space left on device; ...". The exit code says whether the disk or the name is to blame.
Error creation_error(const std::filesystem::path& path, int error_number);
Error write_error(const std::filesystem::path& path, int error_number);

class FileDescriptor {
 public:
  FileDescriptor() = default;  // closed
  // A failure is seen from is_open() and errno: some callers go on with another name. New files get mode 0666 & ~umask.
  FileDescriptor(const std::filesystem::path& path, int flags) noexcept;
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  [[nodiscard]] bool is_open() const { return number_ >= 0; }

  // The rest throws Error(kIo); `path` is what the message calls the file.
  void write_all(std::span<const std::uint8_t> bytes, const std::filesystem::path& path) const;
  void sync(const std::filesystem::path& path) const;  // does nothing where there is nothing to sync
  void close(const std::filesystem::path& path);       // network file systems report lost writes here

 private:
  int number_ = -1;
};

// So that a name survives a power cut. Throws Error(kIo).
void sync_folder(const std::filesystem::path& folder);

}  // namespace txt2img

#include "file/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

std::string reason(int error_number) { return std::generic_category().message(error_number); }

bool is_disk_failure(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EIO;
}

}  // namespace

Error creation_error(const fs::path& path, int error_number) {
  if (is_disk_failure(error_number)) return write_error(path, error_number);
  return {ExitCode::kCannotCreate,
          format_text("cannot create {}: {}; choose another place with --output", path.string(), reason(error_number))};
}

Error write_error(const fs::path& path, int error_number) {
  const bool is_full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  return {ExitCode::kIo, format_text("cannot write {}: {}{}", path.string(), reason(error_number),
                                     is_full ? "; make room or choose another place with --output"
                                             : "; check the disk or choose another place with --output")};
}

FileDescriptor::FileDescriptor(const fs::path& path, int flags) noexcept {
  do {
    number_ = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
  } while (number_ < 0 && errno == EINTR);
}

FileDescriptor::~FileDescriptor() {
  if (is_open()) ::close(number_);
}

void FileDescriptor::write_all(std::span<const std::uint8_t> bytes, const fs::path& path) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(number_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw write_error(path, written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void FileDescriptor::sync(const fs::path& path) const {
  while (::fsync(number_) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == ENOTSUP) return;  // not a thing that lies on a disk
    throw write_error(path, errno);
  }
}

void FileDescriptor::close(const fs::path& path) {
  const int number = std::exchange(number_, -1);
  // After EINTR the descriptor is gone on Linux, and closing it again could hit another thread's file.
  if (::close(number) != 0 && errno != EINTR) throw write_error(path, errno);
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor descriptor(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
  if (descriptor.is_open()) {
    descriptor.sync(folder);
  } else if (errno != EACCES) {  // a folder may be writable and still not readable
    throw write_error(folder, errno);
  }
}

}  // namespace txt2img

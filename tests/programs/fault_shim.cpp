// Preloaded into the program by tests/python/cli/test_cli_faults.py (LD_PRELOAD): counts the calls of the C library
// that change files in one folder, and makes one of them fail or the last thing that the process does.
//   TXT2IMG_FAULT_FOLDER  the folder, absolute; calls on other files pass and are not counted
//   TXT2IMG_FAULT_LOG     every counted call becomes a line "write a.png" here
//   TXT2IMG_FAULT_AT      the number of the call, from 1, that gets the fault
//   TXT2IMG_FAULT         an errno as a number; "kill": SIGKILL before the call; "short": a write of one byte; "torn":
//                         half a write, and then SIGKILL
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Plan {
  std::string folder = variable("TXT2IMG_FAULT_FOLDER");
  std::string log = variable("TXT2IMG_FAULT_LOG");
  long at = std::strtol(variable("TXT2IMG_FAULT_AT").c_str(), nullptr, 10);
  std::string fault = variable("TXT2IMG_FAULT");
};

const Plan& plan() {
  static const Plan plan;
  return plan;
}

std::string read_link(const std::string& link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

// Of a path that need not exist: absolute, against the current folder or an open one.
std::string absolute(int folder, const char* path) {
  if (*path == '/') return path;
  const std::string base =
      folder == AT_FDCWD ? read_link("/proc/self/cwd") : read_link("/proc/self/fd/" + std::to_string(folder));
  return base + "/" + path;
}

std::string path_of(int descriptor) { return read_link("/proc/self/fd/" + std::to_string(descriptor)); }

bool is_inside(const std::string& path) {
  const std::string& folder = plan().folder;
  return !folder.empty() && path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

void log_call(const std::string& line) {
  if (plan().log.empty()) return;
  const long file = ::syscall(SYS_openat, AT_FDCWD, plan().log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::syscall(SYS_write, file, line.data(), line.size());
  ::syscall(SYS_close, file);
}

enum class Fault { kNone, kError, kShort, kTorn };

// Counts a call on that file; what is to happen to it.
Fault fault_of(std::string_view call, const std::string& path) {
  static std::atomic<long> calls = 0;
  if (!is_inside(path)) return Fault::kNone;
  const long number = ++calls;
  log_call(std::string(call) + " " + path.substr(std::min(path.size(), plan().folder.size() + 1)) + "\n");
  if (number != plan().at) return Fault::kNone;
  if (plan().fault == "kill") ::kill(::getpid(), SIGKILL);
  if (plan().fault == "short") return Fault::kShort;
  if (plan().fault == "torn") return Fault::kTorn;
  errno = static_cast<int>(std::strtol(plan().fault.c_str(), nullptr, 10));
  return Fault::kError;
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  const bool is_written = (flags & O_ACCMODE) != O_RDONLY;
  if (is_written && fault_of("open", absolute(folder, path)) != Fault::kNone) return -1;
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

mode_t mode_of(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's own names are reserved
int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  const Fault fault = fault_of("write", path_of(descriptor));
  if (fault == Fault::kError) return -1;
  if (fault == Fault::kTorn) {
    ::syscall(SYS_write, descriptor, bytes, count / 2);
    ::kill(::getpid(), SIGKILL);
  }
  return ::syscall(SYS_write, descriptor, bytes, fault == Fault::kShort && count > 1 ? 1 : count);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (fault_of("writev", path_of(descriptor)) == Fault::kError) return -1;
  return ::syscall(SYS_writev, descriptor, parts, count);
}

int fsync(int descriptor) {
  if (fault_of("fsync", path_of(descriptor)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
  if (fault_of("fdatasync", path_of(descriptor)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

// Closes all the same, as the kernel does.
int close(int descriptor) {
  const bool is_written = (::fcntl(descriptor, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const Fault fault = is_written ? fault_of("close", path_of(descriptor)) : Fault::kNone;
  const int error_number = errno;
  const auto result = static_cast<int>(::syscall(SYS_close, descriptor));
  if (fault != Fault::kError) return result;
  errno = error_number;
  return -1;
}

int rename(const char* from, const char* to) noexcept {
  if (fault_of("rename", absolute(AT_FDCWD, to)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fault_of("rename", absolute(to_folder, to)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int ftruncate(int descriptor, off_t length) noexcept {
  if (fault_of("ftruncate", path_of(descriptor)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_ftruncate, descriptor, length));
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (fault_of("mkdir", absolute(AT_FDCWD, path)) == Fault::kError) return -1;
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

// Counted, so that a kill may come before it; never fails.
int unlink(const char* path) noexcept {
  static_cast<void>(fault_of("unlink", absolute(AT_FDCWD, path)));
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

}  // extern "C"

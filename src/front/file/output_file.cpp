#include "txt2img/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "file/file_descriptor.h"
#include "file/temporary_file.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

enum class Target {
  kFree,    // nothing of that name
  kFile,    // a file, or a link: it is the link that is replaced, so that no picture leaves its folder
  kStream,  // a device, a pipe, or /dev/stdout whatever that is: written into, never replaced
};

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// The links there stand for this process's open files: /dev/stdout, /dev/fd/3, /proc/self/fd/3.
bool is_link_to_open_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return false;
  const std::string folder = fs::canonical(folder_of(path), ignored).string();
  return folder == "/dev" || folder.starts_with("/proc/");
}

Error not_a_file_name(const fs::path& path) {
  return {ExitCode::kCannotCreate, "cannot create " + path.string() + ": it is a folder; add a file name"};
}

Target look_at(const fs::path& path) {
  if (!path.has_filename() || path.filename() == "." || path.filename() == "..") throw not_a_file_name(path);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    const int error_number = errno;
    if (::lstat(path.c_str(), &status) == 0) return Target::kFile;  // a link that leads nowhere
    if (error_number == ENOENT || error_number == ENOTDIR) return Target::kFree;
    throw creation_error(path, error_number);
  }
  if (S_ISDIR(status.st_mode)) throw not_a_file_name(path);
  if (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode)) return Target::kStream;
  if (!S_ISREG(status.st_mode)) {
    throw Error(ExitCode::kCannotCreate, "cannot create " + path.string() +
                                             ": a disk or socket has that name; choose another place with --output");
  }
  return is_link_to_open_file(path) ? Target::kStream : Target::kFile;
}

// At the end of what is there: a shell that was told to append keeps its log.
void write_into_stream(const fs::path& path, std::span<const std::uint8_t> bytes) {
  FileDescriptor stream(path, O_WRONLY | O_APPEND);
  if (!stream.is_open()) throw creation_error(path, errno);
  stream.write_all(bytes, path);
  stream.close(path);
}

// Makes the missing folders above a file, and removes them again unless a file has come to lie there.
class MissingFolders {
 public:
  MissingFolders() = default;
  explicit MissingFolders(const fs::path& target);
  ~MissingFolders() {
    for (; !made_.empty(); made_.pop_back()) ::rmdir(made_.back().c_str());  // refuses one that is not empty
  }
  MissingFolders(const MissingFolders&) = delete;
  MissingFolders& operator=(const MissingFolders&) = delete;

 private:
  std::vector<fs::path> made_;
};

// Delegates, so that the destructor runs after a failure too.
MissingFolders::MissingFolders(const fs::path& target) : MissingFolders() {
  std::vector<fs::path> missing;
  std::error_code ignored;
  for (fs::path folder = target.parent_path(); !folder.empty() && !fs::exists(folder, ignored);
       folder = folder.parent_path()) {
    missing.push_back(folder);
  }
  for (; !missing.empty(); missing.pop_back()) {
    const fs::path& folder = missing.back();
    if (::mkdir(folder.c_str(), 0777) == 0) {
      made_.push_back(folder);
      sync_folder(folder.parent_path());
    } else if (errno != EEXIST) {  // another process may be as fast
      throw creation_error(target, errno);
    }
  }
}

// Gives `from` the name `to` unless something has it already; says whether it did.
bool claim_name(const fs::path& from, const fs::path& to) {
#ifdef RENAME_NOREPLACE
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) throw creation_error(to, errno);
#endif
  // NFS and old kernels: a hard link replaces nothing either.
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EPERM && errno != ENOSYS && errno != ENOTSUP) throw creation_error(to, errno);
  // Some network and user-space file systems have neither: there another program could come in between.
  struct stat status{};
  if (::lstat(to.c_str(), &status) == 0) return false;
  if (::rename(from.c_str(), to.c_str()) != 0) throw creation_error(to, errno);
  return true;
}

// x.png, x-2.png, x-3.png, ...
fs::path numbered(const fs::path& path, int number) {
  if (number == 1) return path;
  fs::path name = path.stem();
  name += "-" + std::to_string(number);
  name += path.extension();
  return path.parent_path() / name;
}

// The final name, or nothing if it is taken and the file is to be left alone.
std::optional<fs::path> publish(const fs::path& file, const fs::path& path, OnExists on_exists) {
  switch (on_exists) {
    case OnExists::kOverwrite:
      if (::rename(file.c_str(), path.c_str()) != 0) throw creation_error(path, errno);
      return path;
    case OnExists::kRename: {
      int number = 1;
      while (!claim_name(file, numbered(path, number))) ++number;
      return numbered(path, number);
    }
    case OnExists::kSkip:
    case OnExists::kError: break;
  }
  if (claim_name(file, path)) return path;
  return std::nullopt;
}

Error exists_error(const fs::path& path) {
  return {ExitCode::kCannotCreate,
          path.string() + " exists; choose another name with --output, or --on-exists rename, overwrite or skip"};
}

std::optional<fs::path> write_new_file(const fs::path& path, std::span<const std::uint8_t> bytes, OnExists on_exists) {
  const MissingFolders folders(path);
  TemporaryFile file(path);
  file.fill(bytes);
  const std::optional<fs::path> name = publish(file.path(), path, on_exists);
  if (!name) return name;
  try {
    sync_folder(path.parent_path());
  } catch (...) {
    ::unlink(name->c_str());
    throw;
  }
  return name;
}

fs::path nearest_folder(const fs::path& path) {
  std::error_code ignored;
  fs::path folder = path.parent_path();
  while (!folder.empty() && !fs::exists(folder, ignored)) folder = folder.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

void check_names(const fs::path& path) {
  const bool is_too_long =
      std::ranges::any_of(path, [](const fs::path& name) { return name.native().size() > NAME_MAX; });
  if (is_too_long || path.native().size() >= PATH_MAX) throw creation_error(path, ENAMETOOLONG);
}

// In /tmp and its like only the owner of a file may replace it.
bool is_foreign_in_sticky_folder(const fs::path& path, const struct stat& folder) {
  struct stat file{};
  const uid_t user = ::geteuid();
  return (folder.st_mode & S_ISVTX) != 0 && user != 0 && user != folder.st_uid && ::lstat(path.c_str(), &file) == 0 &&
         file.st_uid != user;
}

}  // namespace

std::optional<fs::path> write_output_file(const fs::path& path, std::span<const std::uint8_t> bytes,
                                          OnExists on_exists) {
  switch (look_at(path)) {
    case Target::kStream: write_into_stream(path, bytes); return path;
    case Target::kFile:
      if (on_exists == OnExists::kSkip) return std::nullopt;
      if (on_exists == OnExists::kError) throw exists_error(path);
      break;
    case Target::kFree: break;
  }
  const std::optional<fs::path> name = write_new_file(path, bytes, on_exists);
  if (!name && on_exists == OnExists::kError) throw exists_error(path);
  return name;
}

bool rename_file(const fs::path& from, const fs::path& to) {
  const MissingFolders folders(to);
  if (!claim_name(from, to)) return false;
  std::error_code ignored;
  if (fs::equivalent(from, to, ignored)) ::unlink(from.c_str());  // a hard link was all that the disk could do
  sync_folder(to.parent_path());
  if (from.parent_path() != to.parent_path()) sync_folder(from.parent_path());
  return true;
}

fs::path set_aside(const fs::path& path) {
  int number = 2;
  while (!rename_file(path, numbered(path, number))) ++number;
  return numbered(path, number);
}

void check_can_create(const fs::path& path) {
  check_names(path);
  if (look_at(path) == Target::kStream) {
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) throw creation_error(path, errno);
    return;
  }
  const fs::path folder = nearest_folder(path);
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) throw creation_error(path, errno);
  if (!S_ISDIR(status.st_mode)) throw creation_error(path, ENOTDIR);
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) throw creation_error(path, errno);
  if (is_foreign_in_sticky_folder(path, status)) throw creation_error(path, EPERM);
}

}  // namespace txt2img

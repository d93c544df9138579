// Files whose SHA-256 was right before, remembered in the user's cache so that the next start need not hash them again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace txt2img {

// What changes when a file does.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds of the file clock
  std::uint64_t inode = 0;

  bool operator==(const FileStamp&) const = default;
};

// Nothing if there is no such file.
std::optional<FileStamp> stamp_of(const std::filesystem::path& file);

// $XDG_CACHE_HOME/txt2img/verified, else ~/.cache/txt2img/verified; nothing where neither is set.
std::optional<std::filesystem::path> verified_files_path();

// A cache: a damaged one is read as far as it makes sense, one that cannot be written is left alone. Throws nothing of
// its own; that a file is not in it costs a hash.
class VerifiedFiles {
 public:
  explicit VerifiedFiles(std::optional<std::filesystem::path> store);

  [[nodiscard]] bool has(const std::filesystem::path& file, const FileStamp& stamp, const std::string& sha256) const;
  void add(const std::filesystem::path& file, const FileStamp& stamp, const std::string& sha256);

  // Replaces the store as one, without entries whose files are gone or changed. Does nothing if nothing was added.
  void save();

 private:
  struct Entry {
    FileStamp stamp;
    std::string sha256;
  };

  void read_line(const std::string& line);
  [[nodiscard]] std::string to_text() const;

  std::optional<std::filesystem::path> store_;
  std::map<std::string, Entry> entries_;  // by real, absolute path
  bool is_changed_ = false;
};

}  // namespace txt2img

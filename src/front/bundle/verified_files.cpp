#include "bundle/verified_files.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "file/read_file.h"
#include "txt2img/error.h"
#include "txt2img/output_file.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStoreMax = std::size_t{4} << 20;  // bytes
constexpr std::size_t kEntriesMax = 2000;
constexpr const char* kHeader = "txt2img verified files, version 1: sha256 bytes modified inode path";

// The same file has one name here, however it was reached. Empty: not to be remembered (a line is an entry).
std::string key_of(const fs::path& file) {
  std::error_code failure;
  std::string key = fs::canonical(file, failure).string();
  return failure || key.find('\n') != std::string::npos ? std::string() : key;
}

std::string read_or_empty(const fs::path& store) {
  try {
    return read_small_file(store, kStoreMax);
  } catch (const Error&) {
    return {};  // not there yet, or not readable
  }
}

std::optional<fs::path> absolute_folder(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || !fs::path(value).is_absolute()) return std::nullopt;  // the XDG rules: ignore relative ones
  return fs::path(value);
}

}  // namespace

std::optional<FileStamp> stamp_of(const fs::path& file) {
  struct stat status{};
  std::error_code failure;
  const auto modified = fs::last_write_time(file, failure).time_since_epoch();
  if (failure || ::stat(file.c_str(), &status) != 0) return std::nullopt;
  return FileStamp{.bytes = static_cast<std::uint64_t>(status.st_size),
                   .modified = std::chrono::duration_cast<std::chrono::nanoseconds>(modified).count(),
                   .inode = status.st_ino};
}

std::optional<fs::path> verified_files_path() {
  if (const auto cache = absolute_folder("XDG_CACHE_HOME")) return *cache / "txt2img" / "verified";
  if (const auto home = absolute_folder("HOME")) return *home / ".cache" / "txt2img" / "verified";
  return std::nullopt;
}

VerifiedFiles::VerifiedFiles(std::optional<fs::path> store) : store_(std::move(store)) {
  if (!store_) return;
  std::istringstream lines(read_or_empty(*store_));
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) return;
  while (std::getline(lines, line)) read_line(line);
}

void VerifiedFiles::read_line(const std::string& line) {
  std::istringstream fields(line);
  Entry entry;
  std::string path;
  fields >> entry.sha256 >> entry.stamp.bytes >> entry.stamp.modified >> entry.stamp.inode;
  if (fields.ignore() && std::getline(fields, path)) entries_[path] = std::move(entry);
}

bool VerifiedFiles::has(const fs::path& file, const FileStamp& stamp, const std::string& sha256) const {
  const auto found = entries_.find(key_of(file));
  return found != entries_.end() && found->second.stamp == stamp && found->second.sha256 == sha256;
}

void VerifiedFiles::add(const fs::path& file, const FileStamp& stamp, const std::string& sha256) {
  const std::string key = key_of(file);
  if (key.empty() || has(file, stamp, sha256)) return;
  entries_[key] = {.stamp = stamp, .sha256 = sha256};
  is_changed_ = true;
}

std::string VerifiedFiles::to_text() const {
  std::ostringstream text;
  text << kHeader << '\n';
  for (const auto& [path, entry] : entries_) {
    const FileStamp& stamp = entry.stamp;
    text << entry.sha256 << ' ' << stamp.bytes << ' ' << stamp.modified << ' ' << stamp.inode << ' ' << path << '\n';
  }
  return text.str();
}

void VerifiedFiles::save() {
  if (!store_ || !is_changed_) return;
  std::erase_if(entries_, [](const auto& entry) { return stamp_of(entry.first) != entry.second.stamp; });
  if (entries_.size() > kEntriesMax) entries_.clear();  // the next starts fill it again
  try {
    const std::string text = to_text();
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    write_output_file(*store_, bytes, OnExists::kOverwrite);
  } catch (const Error&) {
    store_.reset();  // there is no use in trying again; the next start hashes once more
  }
  is_changed_ = false;
}

}  // namespace txt2img

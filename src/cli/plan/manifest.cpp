#include "plan/manifest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "prompts/line_reader.h"
#include "screen/json_line.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/json.h"
#include "txt2img/names.h"
#include "txt2img/output_file.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "manifest.";
constexpr std::string_view kEnding = ".jsonl";
constexpr std::string_view kLineStart = R"({"path":")";

ManifestEntry parse_entry(const std::string& text) {
  const JsonSource source{.name = "manifest", .remedy = ""};
  const nlohmann::json line = parse_json(text, source, kLineMax);
  const JsonObject object(line, source);
  return {.path = object.get_string("path"),
          .item = object.get_integer<std::size_t>("item", 0, kSeedMax),
          .image = object.get_integer("image", 0, kCountMax),
          .seed = object.get_integer<std::uint64_t>("seed", 0, kSeedMax),
          .run_seed = object.get_integer<std::uint64_t>("run_seed", 0, kSeedMax),
          .job_key = object.get_string("job_key"),
          .sha256 = object.get_string("sha256"),
          .device = object.get_string("device"),
          .precision = parse_precision(object.get_string("dtype")),
          .vae_precision = parse_precision(object.get_string("vae_dtype"))};
}

bool is_manifest(const fs::path& file) {
  const std::string name = file.filename().string();
  return name == "manifest.jsonl" ||
         (name.starts_with(kName) && name.ends_with(kEnding) && name.find("-of-") != std::string::npos);
}

// Nothing if the line is torn, or not ours.
std::optional<ManifestEntry> find_entry(const std::string& text) {
  try {
    return parse_entry(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path)
      : number_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
    if (number_ < 0) {
      const bool is_disk_failure = errno == ENOSPC || errno == EDQUOT || errno == EIO;
      throw Error(is_disk_failure ? ExitCode::kIo : ExitCode::kCannotCreate,
                  format_text("cannot create {}: {}", path.string(), std::generic_category().message(errno)));
    }
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int number() const { return number_; }

  // Some file systems say only now that what was written found no room. False: see errno.
  [[nodiscard]] bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

// Against a process that replaces the file meanwhile. Where the file system knows no locks, nothing is locked.
Descriptor open_locked(const fs::path& path) {
  for (;;) {
    Descriptor file(path);
    while (::flock(file.number(), LOCK_EX) != 0 && errno == EINTR) continue;
    struct stat opened{};
    struct stat named{};
    const bool is_known = ::fstat(file.number(), &opened) == 0 && ::stat(path.c_str(), &named) == 0;
    if (!is_known || (opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)) return file;
  }
}

// Whether what follows there is the start of a line of ours.
bool is_torn_line(int descriptor, off_t at) {
  std::array<char, kLineStart.size()> start{};
  const ssize_t got = ::pread(descriptor, start.data(), start.size(), at);
  return got > 0 && kLineStart.starts_with(std::string_view(start.data(), static_cast<std::size_t>(got)));
}

// Where the last whole line ends.
off_t end_of_lines(int descriptor, off_t size) {
  std::array<char, 4096> piece{};
  for (off_t end = size; end > 0;) {
    const off_t start = std::max<off_t>(0, end - static_cast<off_t>(piece.size()));
    const ssize_t got = ::pread(descriptor, piece.data(), static_cast<std::size_t>(end - start), start);
    if (got <= 0) return size;
    const std::string_view text(piece.data(), static_cast<std::size_t>(got));
    if (const std::size_t line_break = text.rfind('\n'); line_break != std::string_view::npos) {
      return start + static_cast<off_t>(line_break) + 1;
    }
    end = start;
  }
  return 0;
}

}  // namespace

fs::path manifest_path(const std::string& folder, const std::optional<Shard>& shard) {
  if (!shard) return folder + "manifest.jsonl";
  return format_text("{}manifest.{}-of-{}.jsonl", folder, shard->number, shard->count);
}

std::string manifest_line(const ManifestEntry& entry) {
  return json_line({{"path", entry.path},
                    {"item", entry.item},
                    {"image", entry.image},
                    {"seed", entry.seed},
                    {"run_seed", entry.run_seed},
                    {"job_key", entry.job_key},
                    {"sha256", entry.sha256},
                    {"device", entry.device},
                    {"dtype", name_of(entry.precision)},
                    {"vae_dtype", name_of(entry.vae_precision)}}) +
         '\n';
}

Manifest::Manifest(const std::string& folder) {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    if (is_manifest(entry.path()) && entry.is_regular_file(ignored)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::ranges::for_each(files, [this](const fs::path& file) { read(file); });
}

void Manifest::read(const fs::path& file) {
  LineReader lines(file.string());
  while (const std::optional<Line> line = lines.next()) {
    const std::optional<ManifestEntry> entry = find_entry(line->text);
    if (!entry) continue;
    run_seed_ = entry->run_seed;
    entries_of_content_.emplace(entry->sha256, *entry);
    entries_[entry->path] = *entry;
  }
}

const ManifestEntry* Manifest::find(const std::string& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<ManifestEntry> Manifest::find_content(const std::string& sha256) const {
  std::vector<ManifestEntry> found;
  const auto [begin, end] = entries_of_content_.equal_range(sha256);
  for (auto entry = begin; entry != end; ++entry) found.push_back(entry->second);
  return found;
}

void append_to_manifest(const fs::path& path, const ManifestEntry& entry, bool repairs) {
  const auto fail = [&path] {
    throw Error(ExitCode::kIo,
                format_text("cannot write {}: {}", path.string(), std::generic_category().message(errno)));
  };
  Descriptor file = open_locked(path);
  std::string text = manifest_line(entry);
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) fail();
  const off_t whole = end_of_lines(file.number(), status.st_size);
  if (whole < status.st_size && repairs && is_torn_line(file.number(), whole)) {
    if (::ftruncate(file.number(), whole) != 0) fail();
  } else if (whole < status.st_size) {
    text.insert(0, 1, '\n');
  }
  const ssize_t written = ::write(file.number(), text.data(), text.size());
  if (written < 0) fail();
  if (static_cast<std::size_t>(written) < text.size()) {
    errno = ENOSPC;
    fail();
  }
  if (!file.close()) fail();
}

void tidy_manifest(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(path, ignored))) return;
  const Descriptor lock = open_locked(path);
  bool is_tidy = true;
  std::string text;
  LineReader lines(path.string());
  while (const std::optional<Line> line = lines.next()) {
    if (line->is_too_long) return;
    const std::optional<ManifestEntry> entry = find_entry(line->text);
    const bool is_gone = entry && !fs::exists(fs::symlink_status(path.parent_path() / entry->path, ignored));
    is_tidy = is_tidy && !is_gone;
    if (!is_gone) text += line->text + '\n';
  }
  if (is_tidy) return;
  write_output_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, OnExists::kOverwrite);
}

void check_manifest(const RunOptions& options, const std::string& folder) {
  const fs::path path = manifest_path(folder, options.shard);
  std::error_code ignored;
  if (!options.source.has_files() || !fs::is_regular_file(path, ignored) || fs::file_size(path, ignored) == 0) return;
  LineReader lines(path.string());
  bool has_lines = false;
  while (const std::optional<Line> line = lines.next()) {
    if (find_entry(line->text)) return;
    has_lines = has_lines || !kLineStart.starts_with(std::string_view(line->text).substr(0, kLineStart.size()));
  }
  if (!has_lines) return;
  throw Error(ExitCode::kCannotCreate, path.string() +
                                           " is there already, and is not a list of this program's "
                                           "pictures; choose another folder with --output");
}

}  // namespace txt2img::cli

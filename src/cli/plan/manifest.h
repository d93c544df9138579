// The list of finished pictures beside them: manifest.jsonl, or manifest.I-of-N.jsonl of a shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"
#include "txt2img/record.h"

namespace txt2img::cli {

struct ManifestEntry {
  std::string path;  // below the folder of the manifest
  std::size_t item = 0;
  int image = 0;
  std::uint64_t seed = 0;
  std::uint64_t run_seed = 0;  // of the items that have none of their own
  std::string job_key;
  std::string sha256;  // of the file
  std::string device;  // as in the record of a picture
  Precision precision{};
  Precision vae_precision{};
};

std::filesystem::path manifest_path(const std::string& folder, const std::optional<Shard>& shard);

// One line, with its line break.
std::string manifest_line(const ManifestEntry& entry);

// The last entry of each path, from every manifest in the folder. Lines that cannot be read (the last of a run that was
// killed may be torn) are passed over. Throws Error(kIo).
class Manifest {
 public:
  Manifest() = default;
  explicit Manifest(const std::string& folder);

  [[nodiscard]] const ManifestEntry* find(const std::string& path) const;  // null if it is not there

  // Of that SHA-256, whatever the file is called now. Pictures of several jobs may have the same bytes.
  [[nodiscard]] std::vector<ManifestEntry> find_content(const std::string& sha256) const;
  [[nodiscard]] bool is_empty() const { return entries_.empty(); }
  [[nodiscard]] std::optional<std::uint64_t> run_seed() const { return run_seed_; }

 private:
  void read(const std::filesystem::path& file);

  std::map<std::string, ManifestEntry> entries_;
  std::multimap<std::string, ManifestEntry> entries_of_content_;
  std::optional<std::uint64_t> run_seed_;
};

// Appends with one write() for each line, so that the lines of several processes do not mix. A torn last line of
// another run is cut off first if `repairs`, else it stays a line of its own. Throws Error: kCannotCreate, kIo.
void append_to_manifest(const std::filesystem::path& path, const ManifestEntry& entry, bool repairs);

// Takes out the lines of pictures that are not there any more, or have got another name. Throws like
// append_to_manifest.
void tidy_manifest(const std::filesystem::path& path);

// Throws Error(kCannotCreate) if there is a file where the manifest of the run goes that is no such list.
void check_manifest(const RunOptions& options, const std::string& folder);

}  // namespace txt2img::cli

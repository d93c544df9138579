// The list of finished pictures beside them: manifest.jsonl, or manifest.I-of-N.jsonl of a shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "cli/options.h"
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
  [[nodiscard]] std::optional<std::uint64_t> run_seed() const { return run_seed_; }

 private:
  void read(const std::filesystem::path& file);

  std::map<std::string, ManifestEntry> entries_;
  std::optional<std::uint64_t> run_seed_;
};

// Appends with one write() for each line, so that the lines of several processes do not mix. A torn last line of
// another run is cut off first if `repairs`, else it stays a line of its own. Throws Error: kCannotCreate, kIo.
void append_to_manifest(const std::filesystem::path& path, const ManifestEntry& entry, bool repairs);

}  // namespace txt2img::cli

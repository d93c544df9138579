// Manifests: whatever is in the file, a line that is appended is read back.
#include "cli/manifest.h"

#include <fstream>

#include "fuzz.h"

namespace {

namespace fs = std::filesystem;

// Of this process; gone at its end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("txt2img-fuzz-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string name() const { return path_.string() + "/"; }

 private:
  fs::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  using namespace txt2img::cli;
  static const Folder folder;
  const ManifestEntry entry{.path = "fuzz \"\n.png",
                            .item = 3,
                            .image = 1,
                            .seed = kSeedMax,
                            .run_seed = 7,
                            .job_key = std::string(64, 'a'),
                            .sha256 = std::string(64, 'b'),
                            .device = "cpu",
                            .precision = Precision::kBfloat16,
                            .vae_precision = Precision::kFloat32};
  return fuzz::try_it([&] {
    const fs::path path = manifest_path(folder.name(), std::nullopt);
    for (const bool repairs : {false, true}) {
      std::ofstream(path, std::ios::binary) << fuzz::text_of(data, size);
      const Manifest before(folder.name());
      append_to_manifest(path, entry, repairs);
      const Manifest manifest(folder.name());
      const ManifestEntry* const found = manifest.find(entry.path);
      fuzz::require(found != nullptr && manifest_line(*found) == manifest_line(entry));
      fuzz::require(manifest.run_seed() == entry.run_seed);
    }
  });
}

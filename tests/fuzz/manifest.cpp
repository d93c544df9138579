// Manifests: whatever is in the file, a line that is appended is read back.
#include "plan/manifest.h"

#include <fstream>

#include "fixtures/manifest_fixture.h"
#include "fixtures/scratch_folder.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  using namespace txt2img::cli;
  static const ScratchFolder scratch;
  const std::string folder = (scratch.path() / "").string();
  ManifestEntry entry = manifest_entry("fuzz \"\n.png");
  entry.seed = kSeedMax;
  return fuzz::try_it([&] {
    const std::filesystem::path path = manifest_path(folder, std::nullopt);
    for (const bool repairs : {false, true}) {
      std::ofstream(path, std::ios::binary) << fuzz::text_of(data, size);
      const Manifest before(folder);
      append_to_manifest(path, entry, repairs);
      const Manifest manifest(folder);
      const ManifestEntry* const found = manifest.find(entry.path);
      fuzz::require(found != nullptr && manifest_line(*found) == manifest_line(entry));
      fuzz::require(manifest.run_seed() == entry.run_seed);
    }
  });
}

// model.json of a bundle.
#include "bundle/bundle_json.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  return fuzz::try_it([&] {
    const Bundle bundle = parse_bundle(fuzz::text_of(data, size), {.name = "model.json", .remedy = "mend it"});
    // What is read is in `files`, and no name leaves the folder.
    fuzz::require(bundle.files.contains(bundle.unet.file));
    for (const auto& [name, entry] : bundle.files) {
      fuzz::require(!name.empty() && name.front() != '/' && name.find("..") == std::string::npos);
    }
  });
}

#include "txt2img/engine_library.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include "txt2img/error.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = TXT2IMG_ENGINE_LIBRARY;

// Beside libtxt2img.so, wherever that was found.
fs::path engine_path() {
  Dl_info info{};
  std::string_view (*const in_front)() = &txt2img::version;
  if (dladdr(reinterpret_cast<const void*>(in_front), &info) == 0 || info.dli_fname == nullptr) return kLibrary;
  std::error_code failed;
  const fs::path front = fs::canonical(info.dli_fname, failed);
  const fs::path beside = front.parent_path() / kLibrary;
  return !failed && fs::exists(beside, failed) ? beside : fs::path(kLibrary);
}

// What LibTorch and oneDNN compile for each new shape: a quarter of a MiB each, of which they would keep 1024. A
// picture takes some 10 to 200.
void bound_caches() {
  setenv("LRU_CACHE_CAPACITY", "256", /*replace=*/0);
  if (std::getenv("DNNL_PRIMITIVE_CACHE_CAPACITY") == nullptr)
    setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "512", /*replace=*/0);
}

constexpr const char* kRemedy = "; install or build txt2img again";

[[noreturn]] void refuse(const fs::path& library, const std::string& theirs, const std::string& ours) {
  throw Error(ExitCode::kInternal,
              "the engine " + library.string() + " is of " + theirs + ", the program of " + ours + kRemedy);
}

std::string identity(std::string_view version, std::uint32_t interface) {
  return "version " + std::string(version) + " (interface " + std::to_string(interface) + ")";
}

}  // namespace

// Never closed: LibTorch does not survive that.
const EngineEntry& load_engine(const fs::path& library) {
  void* const opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    const char* const reason = dlerror();
    throw Error(ExitCode::kInternal, std::string("the engine cannot be loaded") + kRemedy + " (" +
                                         (reason != nullptr ? reason : library.c_str()) + ")");
  }
  const std::string ours = identity(txt2img::version(), kEngineInterface);
  void* const entry_of = dlsym(opened, "txt2img_engine_entry");
  if (entry_of == nullptr) refuse(library, "a version without txt2img_engine_entry", ours);
  const EngineEntry& entry = *reinterpret_cast<decltype(&txt2img_engine_entry)>(entry_of)();
  const std::string theirs = identity(entry.version, entry.interface);
  if (theirs != ours) refuse(library, theirs, ours);
  return entry;
}

const EngineEntry& engine_library() {
  static const EngineEntry& entry = []() -> const EngineEntry& {
    // Its threads would spin while they wait for each other: on a machine that is busy otherwise a picture took 50
    // times as long, on an idle one nothing is gained at these sizes.
    setenv("OMP_WAIT_POLICY", "PASSIVE", /*replace=*/0);
    bound_caches();
    return load_engine(engine_path());
  }();
  return entry;
}

std::unique_ptr<Engine> open_engine(const Bundle& bundle, const EngineOptions& options) {
  return engine_library().open(bundle, options);
}

}  // namespace txt2img

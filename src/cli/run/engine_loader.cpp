#include "run/engine_loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "txt2img/control_group.h"
#include "txt2img/error.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libtxt2img_engine.so";

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

// Never closed: LibTorch does not survive that.
void* engine_library() {
  static void* const library = [] {
    // Its threads would spin while they wait for each other: on a machine that is busy otherwise a picture took 50
    // times as long, on an idle one nothing is gained at these sizes.
    setenv("OMP_WAIT_POLICY", "PASSIVE", /*replace=*/0);
    bound_caches();
    const fs::path path = engine_path();
    void* const opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (opened != nullptr) return opened;
    const char* const reason = dlerror();
    throw Error(ExitCode::kInternal, "the engine cannot be loaded; install or build txt2img again (" +
                                         std::string(reason != nullptr ? reason : path.c_str()) + ")");
  }();
  return library;
}

template <typename Function>
Function* find_function(const char* name) {
  void* const found = dlsym(engine_library(), name);
  if (found == nullptr) {
    throw Error(ExitCode::kInternal, std::string("the engine is of another version, it has no ") + name +
                                         "; install or build txt2img again");
  }
  return reinterpret_cast<Function*>(found);
}

// Those that are asked for, or the cores that this process may use, are shared out.
int threads_of_each(int threads, std::size_t engines) {
  if (threads == 0) threads = usable_cores();
  return std::max(1, threads / static_cast<int>(engines));
}

}  // namespace

std::unique_ptr<Engine> open_engine(const Bundle& bundle, const EngineOptions& options) {
  return std::unique_ptr<Engine>(find_function<decltype(txt2img_open_engine)>("txt2img_open_engine")(bundle, options));
}

std::vector<EngineOptions> engines_of(const EngineOptions& options, std::vector<std::string> devices) {
  if (devices == std::vector<std::string>{"all"}) {
    devices.clear();
    for (const DeviceInfo& device : list_devices()) {
      if (device.name != "cpu") devices.push_back(device.name);
    }
    if (devices.empty())
      throw Error(ExitCode::kUnavailable, "--devices all: there is no CUDA device; see --list devices");
  }
  if (devices.empty()) return {options};
  std::vector<EngineOptions> engines;
  for (const std::string& device : devices) {
    engines.push_back(options);
    engines.back().device = device;
    if (device == "cpu") engines.back().threads = threads_of_each(options.threads, devices.size());
  }
  return engines;
}

ModuleReport try_module(const Bundle& bundle, const EngineOptions& options, ModuleKind kind) {
  ModuleReport report;
  find_function<decltype(txt2img_try_module)>("txt2img_try_module")(bundle, options, kind, report);
  return report;
}

std::vector<DeviceInfo> list_devices() {
  std::vector<DeviceInfo> devices;
  find_function<decltype(txt2img_list_devices)>("txt2img_list_devices")(devices);
  return devices;
}

std::uint64_t size_of(const Bundle& bundle) {
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : bundle.files) bytes += file.bytes;
  return bytes;
}

std::string torch_version() {
  std::string version;
  find_function<decltype(txt2img_torch_version)>("txt2img_torch_version")(version);
  return version;
}

}  // namespace txt2img::cli

#include "run/engine_loader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "txt2img/control_group.h"
#include "txt2img/engine_library.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

// Those that are asked for, or the cores that this process may use, are shared out.
int threads_of_each(int threads, std::size_t engines) {
  if (threads == 0) threads = usable_cores();
  return std::max(1, threads / static_cast<int>(engines));
}

}  // namespace

Picture draw_one(Engine& engine, const PictureInput& input, Observer observer) {
  Picture picture;
  observer.on_picture = [&](std::size_t /*index*/, Picture&& drawn) { picture = std::move(drawn); };
  engine.draw(std::span(&input, 1), observer);
  return picture;
}

std::vector<EngineOptions> engines_of(const EngineOptions& options, std::vector<std::string> devices) {
  if (devices == std::vector<std::string>{"all"}) {
    devices.clear();
    for (const DeviceInfo& device : engine_library().list_devices()) {
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

std::uint64_t size_of(const Bundle& bundle) {
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : bundle.files) bytes += file.bytes;
  return bytes;
}

}  // namespace txt2img::cli

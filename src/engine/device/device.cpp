#include "device/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "device/cpu_threads.h"
#include "device/tensor_memory.h"
#include "txt2img/control_group.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

int count_cuda_devices() { return at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0; }

struct CudaFacts {
  std::string name{};
  std::size_t bytes = 0;
};

// Asks the driver itself, so that a build against a CPU LibTorch can tell too.
std::optional<CudaFacts> ask_driver(int index) {
  using Init = int (*)(unsigned);
  using GetName = int (*)(char*, int, int);
  using GetMemory = int (*)(std::size_t*, int);
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) return std::nullopt;
  const auto init = reinterpret_cast<Init>(dlsym(driver, "cuInit"));
  const auto get_name = reinterpret_cast<GetName>(dlsym(driver, "cuDeviceGetName"));
  const auto get_memory = reinterpret_cast<GetMemory>(dlsym(driver, "cuDeviceTotalMem_v2"));
  std::array<char, 256> name{};
  std::size_t bytes = 0;
  const bool is_known = init != nullptr && get_name != nullptr && get_memory != nullptr && init(0) == 0 &&
                        get_name(name.data(), static_cast<int>(name.size()), index) == 0 &&
                        get_memory(&bytes, index) == 0;
  if (!is_known) return std::nullopt;
  return CudaFacts{.name = name.data(), .bytes = bytes};
}

constexpr const char* kUnknownGpu = "CUDA device";

std::string describe(const std::optional<CudaFacts>& facts) {
  return facts ? facts->name + ", " + std::to_string(facts->bytes >> 30U) + " GiB" : kUnknownGpu;
}

// What the machine has, or what the control groups leave of it.
std::uint64_t ram_bytes() {
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)), group_limits().memory);
}

c10::Device find_cuda(const std::string& name, std::string_view index_text) {
  int index = 0;
  const auto [end, problem] = std::from_chars(index_text.begin(), index_text.end(), index);
  const bool is_number = problem == std::errc() && end == index_text.end() && index >= 0;
  if (!index_text.empty() && !is_number) {
    throw Error(ExitCode::kUsage, "device " + name + ": the part after 'cuda:' must be a number; see --list devices");
  }
  const int count = count_cuda_devices();
  if (index < count) return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)};
  if (count == 0) {
    throw Error(ExitCode::kUnavailable,
                "device " + name + ": no CUDA device " +
                    (at::hasCUDA() ? std::string("was found; is the driver installed?")
                                   : std::string("can be used by this CPU-only LibTorch; set up "
                                                 "with a CUDA one, or use --device cpu")));
  }
  throw Error(ExitCode::kUnavailable,
              "device " + name + ": this machine has " + std::to_string(count) + " CUDA devices; see --list devices");
}

}  // namespace

c10::Device find_device(const std::string& name) {
  const c10::Device cpu(c10::DeviceType::CPU);
  if (name == "cpu") return cpu;
  if (name == "auto") return count_cuda_devices() > 0 ? find_cuda(name, "0") : cpu;
  if (name == "cuda") return find_cuda(name, "");
  if (name.starts_with("cuda:") && name.size() > 5) return find_cuda(name, std::string_view(name).substr(5));
  throw Error(ExitCode::kUsage, "device " + name + ": must be auto, cpu, cuda or cuda:N");
}

DeviceInfo describe_device(c10::Device device) {
  if (device.is_cuda()) {
    const std::optional<CudaFacts> facts = ask_driver(device.index());
    return {.name = device.str(),
            .description = describe(facts),
            .machine = {.gpu = facts ? facts->name : kUnknownGpu, .libtorch = TORCH_VERSION}};
  }
  const Machine machine{
      .threads = at::get_num_threads(), .instructions = at::get_cpu_capability(), .libtorch = TORCH_VERSION};
  return {.name = "cpu",
          .description = std::to_string(machine.threads) + " threads, " + machine.instructions,
          .machine = machine};
}

std::vector<DeviceInfo> list_devices() {
  set_cpu_threads(0);
  std::vector<DeviceInfo> devices = {describe_device(c10::Device(c10::DeviceType::CPU))};
  for (int i = 0; i < count_cuda_devices(); ++i) {
    devices.push_back(describe_device({c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(i)}));
  }
  return devices;
}

c10::ScalarType to_scalar_type(Precision precision) {
  switch (precision) {
    case Precision::kFloat32: return c10::ScalarType::Float;
    case Precision::kBfloat16: return c10::ScalarType::BFloat16;
    case Precision::kFloat16: return c10::ScalarType::Half;
  }
  return c10::ScalarType::Float;
}

Precision choose_precision(const Bundle& bundle, const EngineOptions& options, c10::Device device) {
  return options.precision.value_or(device.is_cuda() ? bundle.unet.stored : Precision::kFloat32);
}

Precision choose_vae_precision(const EngineOptions& options) {
  return options.vae_precision.value_or(Precision::kFloat32);
}

std::uint64_t memory_bytes(c10::Device device) {
  if (!device.is_cuda()) return ram_bytes();
  const std::optional<CudaFacts> facts = ask_driver(device.index());
  return facts ? facts->bytes : std::numeric_limits<std::uint64_t>::max();
}

void return_freed_memory() {
  return_tensor_memory();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void configure_device(c10::Device device, const EngineOptions& options) {
  set_cpu_threads(options.threads);
  if (device.is_cpu()) keep_tensor_memory();
  at::Context& context = at::globalContext();
  if (device.is_cuda()) {
    // float32 means float32: the reference on the CPU is the picture to match.
    context.setAllowTF32CuBLAS(false);
    context.setAllowTF32CuDNN(false);
  }
  if (!options.is_deterministic) return;
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // On CUDA it would refuse the running sum in a UNet's time embedding, which is of whole numbers and exact in any
  // order.
  if (!device.is_cuda()) context.setDeterministicAlgorithms(/*d=*/true, /*warn_only=*/false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
}

}  // namespace txt2img

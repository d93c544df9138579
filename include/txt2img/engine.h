// The seam between the front, which starts at once, and the engine, which needs LibTorch and is opened when a picture
// is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/image.h"
#include "txt2img/names.h"
#include "txt2img/picture_input.h"
#include "txt2img/switches.h"

namespace txt2img {

// kAuto: where decoding at once would take more than half of the device's memory, or has just run out of it.
enum class VaeTiling { kAuto, kOn, kOff };

// kLow: each module is loaded when it is needed and freed after use, for every batch again; Seconds has the time of
// loading in the stage that it is for.
enum class MemoryUse { kNormal, kLow };

struct EngineOptions {
  std::string device = "auto";             // auto, cpu, cuda, cuda:N; auto falls back to the CPU, the others never
  std::optional<Precision> precision;      // of text encoder and UNet; empty: the bundle's on CUDA, float32 on a CPU
  std::optional<Precision> vae_precision;  // empty: float32
  int threads = 0;                         // 0: as many as OMP_NUM_THREADS says, or as the process may use cores
  bool is_deterministic = false;           // only deterministic kernels
  VaeTiling vae_tiling = VaeTiling::kAuto;
  MemoryUse memory = MemoryUse::kNormal;
  Switches switches{};
};

// SHA-256 of what each stage of one picture made, little-endian: where two pictures begin to differ.
struct Stages {
  std::string ids;      // padded ids of the prompt, int64, all tokenizers
  std::string context;  // (1, T, W) float32
  std::string noise;    // (1, C, h, w) float32, before scaling
  std::string latent;   // (1, C, h, w) float32, before the VAE's scaling
  std::string pixels;   // RGB rows

  bool operator==(const Stages&) const = default;
};

// Wall clock, in seconds. Work on a batch is shared out equally among its pictures.
struct Seconds {
  double load = 0;  // of the model; the first picture of an engine carries it
  double encode = 0;
  double sample = 0;
  double decode = 0;
};

struct Picture {
  Image image{};
  Stages stages{};
  Seconds seconds{};
  std::vector<Retry> retries{};
};

// What is called on the thread that draws. Each function may be empty.
struct Observer {
  std::function<void(int done, int steps)> on_step{};  // after each step, and with 0 before the first
  std::function<bool()> is_cancelled{};                // asked after each step
  std::function<void(const std::string& text)> on_warning{};
  std::function<void(std::size_t index, Picture&& picture)> on_picture{};  // as soon as it is ready
};

enum class ModuleKind { kTextEncoder, kUnet, kVaeDecoder, kVaeEncoder };

// What a module holds, and did with made-up inputs.
struct ModuleReport {
  std::string dtype;             // of its weights, as stored
  std::uint64_t parameters = 0;  // numbers in its weights
  std::string call;              // shapes of inputs and outputs: "latent (1, 4, 16, 24) -> (1, 3, 128, 192)"
};

// What the last bits of a picture depend on besides its job.
struct Machine {
  int threads = 0;             // on the CPU; 0 on CUDA
  std::string instructions{};  // of the CPU's kernels, "AVX512"; empty on CUDA
  std::string gpu{};           // "NVIDIA H200"; empty on the CPU
  std::string libtorch{};      // its version

  bool operator==(const Machine&) const = default;
};

struct DeviceInfo {
  std::string name;         // as --device takes it: "cpu", "cuda:0"
  std::string description;  // "NVIDIA H200, 139 GiB", "2 threads, AVX512"
  Machine machine{};
};

// What an engine is: for records and --verbose.
struct EngineFacts {
  DeviceInfo device{};
  Precision precision{};  // of text encoder and UNet
  Precision vae_precision{};
  std::string switches{};  // as changed_switches() writes them
};

class TXT2IMG_API Engine {
 public:
  virtual ~Engine();

  // Draws a batch and hands each picture over to the observer. Throws Error: kUsage (what check_batch() refuses),
  // kInternal (NaN), kUnavailable (out of memory), kInterrupted (cancelled). Where only some pictures cannot be
  // decoded, the others have been given to the observer by then.
  virtual void draw(std::span<const PictureInput> pictures, const Observer& observer) = 0;

  [[nodiscard]] virtual EngineFacts facts() const = 0;
};

// Raised whenever a type that is passed to the engine, or EngineEntry itself, changes.
inline constexpr std::uint32_t kEngineInterface = 3;

// What libtxt2img_engine.so offers. The first two members stay where they are in every version: both are compared with
// the caller's before another one is looked at. All functions throw txt2img::Error; the bundle's files must have been
// verified.
struct EngineEntry {
  std::uint32_t interface = 0;    // kEngineInterface of the headers that the library was built with
  const char* version = nullptr;  // of the program that it belongs to: "0.1.0"

  std::unique_ptr<Engine> (*open)(const Bundle& bundle, const EngineOptions& options) = nullptr;
  // Loads one module, which the bundle must have, and runs it once. Throws also kBadData: weights of another dtype than
  // model.json says, NaN or Inf in the weights or in what comes out; says where.
  ModuleReport (*try_module)(const Bundle& bundle, const EngineOptions& options, ModuleKind kind) = nullptr;
  std::vector<DeviceInfo> (*list_devices)() = nullptr;
  const char* torch_version = nullptr;  // of the LibTorch that it was built with
};

}  // namespace txt2img

// The one symbol of libtxt2img_engine.so.
extern "C" TXT2IMG_API const txt2img::EngineEntry* txt2img_engine_entry();

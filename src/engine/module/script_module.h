// A TorchScript module behind one verb.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "module/tiled_ops.h"
#include "txt2img/export.h"
#include "txt2img/switches.h"

namespace txt2img {

class TXT2IMG_API ScriptModule {
 public:
  // Loads the file, casts its floating-point parameters and moves them. The file must have been verified.
  // Throws Error: kBadData (not a module), kUnavailable (out of memory).
  ScriptModule(const std::filesystem::path& file, c10::Device device, c10::ScalarType dtype,
               const Switches& switches = {});
  ~ScriptModule();
  ScriptModule(ScriptModule&&) noexcept;
  ScriptModule& operator=(ScriptModule&&) noexcept;

  // Calls forward. The tensors of a returned tuple, or one bare tensor. Throws Error: kBadData (the module does not fit
  // its inputs), kUnavailable (out of memory).
  [[nodiscard]] std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const;

  struct Weight {
    std::string name{};
    c10::ScalarType stored{};  // in the file
    at::Tensor value{};        // as it was cast, or as it is stored where layers of the CPU cast it themselves
  };

  // Parameters and buffers of floating-point numbers; one that has several names is listed once.
  [[nodiscard]] const std::vector<Weight>& weights() const { return weights_; }

  // What forward does, in two parts: `head` gives what the operators at its end begin with.
  struct Split {
    std::function<at::Tensor(const at::Tensor&)> head{};
    TiledOps tail{};
  };

  // For modules of one tensor that return one bare tensor; nothing where the graph does not end in operators that
  // enlarge and can be tiled. The parts share the module's parameters and layers. Throws Error: kBadData (the module
  // has no forward).
  [[nodiscard]] std::optional<Split> split() const;

  [[nodiscard]] c10::Device device() const { return device_; }
  [[nodiscard]] c10::ScalarType dtype() const { return dtype_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string name_;
  std::vector<Weight> weights_;
  c10::Device device_;
  c10::ScalarType dtype_;
};

}  // namespace txt2img

// A TorchScript module behind one verb. The only place that knows torch::jit.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "txt2img/export.h"

namespace txt2img {

class TXT2IMG_API ScriptModule {
 public:
  // Loads the file, casts its floating-point parameters and moves them. The file must have been verified.
  // Throws Error: kBadData (not a module), kUnavailable (out of memory).
  ScriptModule(const std::filesystem::path& file, c10::Device device, c10::ScalarType dtype);
  ~ScriptModule();
  ScriptModule(ScriptModule&&) noexcept;
  ScriptModule& operator=(ScriptModule&&) noexcept;

  // Calls forward. The tensors of a returned tuple, or one bare tensor. Throws Error: kBadData (the module does not fit
  // its inputs), kUnavailable (out of memory).
  [[nodiscard]] std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const;

  [[nodiscard]] c10::Device device() const { return device_; }
  [[nodiscard]] c10::ScalarType dtype() const { return dtype_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string name_;
  c10::Device device_;
  c10::ScalarType dtype_;
};

}  // namespace txt2img

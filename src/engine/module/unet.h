// The UNet: predicts the noise, velocity or sample in a latent.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/switches.h"

namespace txt2img {

class GraphedCall;
class ScriptModule;

// What the UNet is told besides the latent and the time, by its inputs: kContext (N, T, W), kPooled (N, P), kTimeIds
// (N, number of the bundle's time_ids) float32, kGuidance (N) float32. Those that the bundle's UNet does not take may
// stay undefined.
class Conditioning {
 public:
  at::Tensor& operator[](UnetInput input) { return of_[static_cast<std::size_t>(input)]; }
  const at::Tensor& operator[](UnetInput input) const { return of_[static_cast<std::size_t>(input)]; }

  // The rows of another one behind these, input by input.
  [[nodiscard]] Conditioning followed_by(const Conditioning& other) const;

 private:
  std::array<at::Tensor, kUnetInputs> of_{};
};

class TXT2IMG_API Unet {
 public:
  Unet(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches = {});
  ~Unet();

  [[nodiscard]] bool takes(UnetInput input) const;

  // latent (N, C, h, w) float32 at one timestep -> (N, C, h, w) float32.
  [[nodiscard]] at::Tensor predict(const at::Tensor& latent, double timestep, const Conditioning& conditioning) const;

  // Why this device, which could, does not replay calls as a CUDA graph; told once.
  [[nodiscard]] std::optional<std::string> take_graph_problem() const;

 private:
  [[nodiscard]] at::Tensor input(UnetInput which, const at::Tensor& latent, double timestep,
                                 const Conditioning& conditioning) const;

  UnetSpec spec_;
  std::unique_ptr<ScriptModule> module_;
  std::unique_ptr<GraphedCall> graphed_;  // empty: each call is launched anew
};

}  // namespace txt2img

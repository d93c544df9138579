// The UNet: predicts the noise, velocity or sample in a latent.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <optional>
#include <string>

#include "txt2img/bundle.h"
#include "txt2img/export.h"

namespace txt2img {

class GraphedCall;
class ScriptModule;

// What the UNet is told besides the latent and the time. Tensors that the bundle's UNet does not take stay undefined.
struct Conditioning {
  at::Tensor context{};   // (N, T, W)
  at::Tensor pooled{};    // (N, P)
  at::Tensor time_ids{};  // (N, number of the bundle's time_ids) float32
  at::Tensor guidance{};  // (N) float32, distilled models only
};

class TXT2IMG_API Unet {
 public:
  Unet(const Bundle& bundle, c10::Device device, c10::ScalarType dtype);
  ~Unet();

  [[nodiscard]] bool takes(UnetInput input) const;

  // latent (N, C, h, w) float32 at one timestep -> (N, C, h, w) float32.
  [[nodiscard]] at::Tensor predict(const at::Tensor& latent, double timestep, const Conditioning& conditioning) const;

  // Why this device, which could, does not replay calls as a CUDA graph; told once.
  [[nodiscard]] std::optional<std::string> take_graph_problem() const;

 private:
  UnetSpec spec_;
  std::unique_ptr<ScriptModule> module_;
  std::unique_ptr<GraphedCall> graphed_;  // empty: each call is launched anew
};

}  // namespace txt2img

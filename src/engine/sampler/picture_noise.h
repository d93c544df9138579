// The random numbers of a batch of pictures.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <span>
#include <vector>

#include "txt2img/export.h"

namespace txt2img {

// One CPU generator for each picture, seeded with its own seed: its noise is the same alone, in a batch and on CUDA.
class TXT2IMG_API PictureNoise {
 public:
  // shape: (1, C, h, w).
  PictureNoise(std::span<const std::uint64_t> seeds, std::vector<std::int64_t> shape, c10::Device device);

  // (N, C, h, w) float32 of N(0, 1) on the device: (1, C, h, w) from each generator, which goes on where it was.
  at::Tensor draw();

 private:
  std::vector<std::int64_t> shape_;
  c10::Device device_;
  std::vector<at::Generator> generators_;
};

}  // namespace txt2img

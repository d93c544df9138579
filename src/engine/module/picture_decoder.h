// Latents to pictures, in one piece or in tiles, and once more where that was too much.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "module/modules.h"
#include "module/vae.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"
#include "txt2img/names.h"

namespace txt2img {

class TXT2IMG_API PictureDecoder {
 public:
  // Leases the VAE when the first picture comes. The modules must outlive it.
  PictureDecoder(Modules& modules, const Placement& placement, VaeTiling tiling)
      : modules_(&modules), placement_(&placement), tiling_(tiling) {}

  // One picture: (1, C, h, w) -> (1, 3, H, W) float32 in [-1, 1]. Where memory runs out it is decoded in tiles, where
  // half precision overflows in float32; both are added to `retries` and told. Throws Error: kUnavailable (out of
  // memory), kBadData, kInternal (NaN or Inf).
  [[nodiscard]] at::Tensor decode(const at::Tensor& latent, std::vector<Retry>& retries, const Observer& observer);

 private:
  [[nodiscard]] at::Tensor decode_with(const VaeDecoder& vae, const at::Tensor& latent, std::vector<Retry>& retries,
                                       const Observer& observer) const;

  Modules* modules_;
  const Placement* placement_;
  VaeTiling tiling_;
  Lease<VaeDecoder> vae_;
};

}  // namespace txt2img

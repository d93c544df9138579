#include "module/picture_decoder.h"

#include <ATen/ops/isfinite.h>

#include <cstdint>

#include "device/device.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

bool is_finite(const at::Tensor& x) { return at::isfinite(x).all().item<bool>(); }

void warn(const Observer& observer, const char* text) {
  if (observer.on_warning) observer.on_warning(text);
}

}  // namespace

at::Tensor PictureDecoder::decode_with(const VaeDecoder& vae, const at::Tensor& latent, std::vector<Retry>& retries,
                                       const Observer& observer) const {
  const std::uint64_t peak = vae.peak_bytes(latent);
  const bool is_too_big = peak > memory_bytes(placement_->device) / 2;
  if (tiling_ == VaeTiling::kOn || (tiling_ == VaeTiling::kAuto && is_too_big)) return vae.decode_tiled(latent);
  try {
    return vae.decode(latent);
  } catch (const Error& error) {
    const bool can_be_tiled = tiling_ == VaeTiling::kAuto && peak > 0;
    if (error.code() != ExitCode::kUnavailable || !can_be_tiled) throw;
    retries.push_back(Retry::kVaeTiled);
    warn(observer, "decoding ran out of memory and is done again in tiles; --vae-tiling on does so at once");
  }
  return vae.decode_tiled(latent);
}

at::Tensor PictureDecoder::decode(const at::Tensor& latent, std::vector<Retry>& retries, const Observer& observer) {
  if (!vae_) vae_ = modules_->vae_decoder();
  at::Tensor rgb = decode_with(*vae_, latent, retries, observer);
  if (!is_finite(rgb) && placement_->vae_precision != Precision::kFloat32) {
    retries.push_back(Retry::kVaeFloat32);
    vae_.reset();
    rgb = decode_with(modules_->float32_vae_decoder(), latent, retries, observer);
    warn(observer, "the VAE overflowed in half precision and was run again in float32; use --vae-dtype float32");
  }
  if (is_finite(rgb)) return rgb;
  throw Error(ExitCode::kInternal, "the VAE's picture holds NaN or Inf; is the bundle's VAE damaged?");
}

}  // namespace txt2img

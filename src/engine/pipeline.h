// The pipeline: prompt in, picture out. The one class that sees all parts.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "module/denoiser.h"
#include "module/text_encoder.h"
#include "module/unet.h"
#include "module/vae.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"
#include "txt2img/noise_schedule.h"
#include "txt2img/tokenizer.h"

namespace txt2img {

class TXT2IMG_API Pipeline final : public Engine {
 public:
  // Loads the bundle, whose files must have been verified, onto the device; with MemoryUse::kLow only the tokenizers.
  // Throws Error: kUnavailable (no such device, out of memory), kBadData, kUsage (a VAE that cannot be tiled is to be).
  Pipeline(Bundle bundle, const EngineOptions& options);
  ~Pipeline() override;

  void draw(std::span<const Settings> pictures, const Observer& observer) override;
  [[nodiscard]] EngineFacts facts() const override;

 private:
  // A prompt, or those of N pictures side by side.
  struct Text {
    at::Tensor ids{};      // (N, L) int64, the tokenizers' one after the other
    at::Tensor context{};  // (N, T, W)
    at::Tensor pooled{};   // (N, P)
  };
  using TextKey = std::pair<std::string, int>;  // prompt and clip skip

  // Loads the module where it is not loaded.
  template <typename Module>
  Module& need(std::unique_ptr<Module>& module, Precision precision);
  // Frees it if memory is to be saved.
  template <typename Module>
  void release(std::unique_ptr<Module>& module) const;
  void check_tiling();
  // Once, where fewer came than were asked for.
  void warn_of_threads(const Observer& observer);

  // Each prompt by itself, so that its context does not depend on its neighbours, and only once for many pictures.
  [[nodiscard]] const Text& encode(const std::string& prompt, int clip_skip);
  [[nodiscard]] Text encode(const std::vector<std::string>& prompts, int clip_skip);
  [[nodiscard]] Conditioning condition(const Text& text, const Settings& settings) const;
  [[nodiscard]] std::optional<Conditioning> encode_negative(std::span<const Settings> pictures);
  [[nodiscard]] at::Tensor sample(std::span<const Settings> pictures, const at::Tensor& initial_noise,
                                  const Denoise& denoise, const NoiseSource& noise, const Observer& observer) const;
  [[nodiscard]] Denoise make_denoise(const Settings& settings, Conditioning positive,
                                     const std::optional<Conditioning>& negative);
  // One picture: (1, C, h, w) -> (1, 3, H, W).
  [[nodiscard]] at::Tensor decode(const at::Tensor& latent, std::vector<Retry>& retries, const Observer& observer);
  [[nodiscard]] at::Tensor decode_with(const VaeDecoder& vae, const at::Tensor& latent, std::vector<Retry>& retries,
                                       const Observer& observer) const;

  Bundle bundle_;
  c10::Device device_;
  Precision precision_;
  Precision vae_precision_;
  VaeTiling vae_tiling_;
  MemoryUse memory_;
  Switches switches_;
  NoiseSchedule noise_schedule_;
  std::vector<std::unique_ptr<Tokenizer>> tokenizers_;
  std::unique_ptr<TextEncoder> text_encoder_;
  std::unique_ptr<Unet> unet_;
  std::unique_ptr<VaeDecoder> vae_;
  std::list<std::pair<TextKey, Text>> texts_;  // encoded lately, the one asked for last in front
  double load_seconds_ = 0;                    // not yet told
  std::vector<std::int64_t> shape_{};          // of the latents drawn last
  int threads_missed_ = 0;                     // that were asked for in vain; not yet told
};

}  // namespace txt2img

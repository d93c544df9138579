// The pipeline: numbers in, picture out. The one class that sees all parts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "module/denoiser.h"
#include "module/modules.h"
#include "module/text_cache.h"
#include "sampler/sampler.h"
#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"
#include "txt2img/noise_schedule.h"

namespace txt2img {

class TXT2IMG_API Pipeline final : public Engine {
 public:
  // Loads the bundle, whose files must have been verified, onto the device; with MemoryUse::kLow nothing yet. Throws
  // Error: kUnavailable (no such device, out of memory), kBadData, kUsage (a VAE that cannot be tiled is to be).
  Pipeline(Bundle bundle, const EngineOptions& options);
  ~Pipeline() override;

  void draw(std::span<const PictureInput> pictures, const Observer& observer) override;
  [[nodiscard]] EngineFacts facts() const override;

 private:
  // What is known of N pictures that are drawn by the same calls, from stage to stage.
  struct Batch {
    std::span<const PictureInput> pictures;
    EncodedTexts prompts{};
    std::optional<EncodedTexts> negatives{};  // where they are guided
    at::Tensor noise{};                       // (N, C, h, w), before scaling
    at::Tensor latent{};                      // (N, C, h, w), before the VAE's scaling
    Seconds share{};                          // of each picture

    [[nodiscard]] const Settings& settings() const { return pictures.front().settings; }  // those that they share
  };

  void check_tiling();
  // Once, where fewer came than were asked for.
  void warn_of_threads(const Observer& observer);

  void encode(Batch& batch);
  void sample(Batch& batch, const Observer& observer);
  void finish(const Batch& batch, const Observer& observer);

  // Shape of one picture's latent, (1, C, h, w).
  [[nodiscard]] std::vector<std::int64_t> latent_shape(const Settings& settings) const;
  [[nodiscard]] Conditioning negative_conditioning(const Batch& batch, const EncodedTexts& negatives) const;
  [[nodiscard]] Denoiser make_denoiser(const Unet& unet, const Batch& batch) const;
  [[nodiscard]] at::Tensor run(const Unet& unet, const Batch& batch, const NoiseSource& noise,
                               const Observer& observer) const;

  Bundle bundle_;
  Placement placement_;
  VaeTiling vae_tiling_;
  NoiseSchedule noise_schedule_;
  Modules modules_;
  TextCache texts_;
  double load_seconds_ = 0;            // not yet told
  std::vector<std::int64_t> shape_{};  // of the latents drawn last
  int threads_missed_ = 0;             // that were asked for in vain; not yet told
};

}  // namespace txt2img

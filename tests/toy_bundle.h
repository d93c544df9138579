// A bundle of TorchScript modules whose pictures are known in closed form.
#pragma once

#include <filesystem>
#include <string>

#include "txt2img/bundle.h"

namespace txt2img {

// The modules' source code (TorchScript); each may use self.one, a float parameter of value 1, and
// self.rgb, the kernel (3, 4, 1, 1) that takes the first three of four channels.
struct ToyCode {
  // Context of clip skip k + 1: (k + 1) * ids / 100; pooled: none.
  std::string text_encoder = R"(
def forward(self, ids):
    context = (ids.unsqueeze(-1) / 100).to(self.one.dtype) * self.one
    return torch.stack([context, context * 2]), context[:, 0, :0]
)";
  // The same picture whatever the noise: the mean of the context.
  std::string unet = R"(
def forward(self, latent, timestep, context):
    return torch.zeros_like(latent) + context.mean([1, 2]).view(-1, 1, 1, 1) * self.one
)";
  // Three channels of the latent, each value 8 x 8 pixels.
  std::string vae_decoder = R"(
def forward(self, latent):
    return (latent[:, :3] * self.one).repeat_interleave(8, 2).repeat_interleave(8, 3)
)";
};

// A folder under the system's temporary one, removed at the end.
class ToyBundle {
 public:
  explicit ToyBundle(const ToyCode& code = {});
  ~ToyBundle();
  ToyBundle(const ToyBundle&) = delete;
  ToyBundle& operator=(const ToyBundle&) = delete;

  // Predicts the picture itself; byte-level tokenizer of 8 ids, bos 512, eos 513; 16 x 16 pixels by default.
  [[nodiscard]] Bundle bundle() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// Writes a module with that source to `file`.
void write_module(const std::filesystem::path& file, const std::string& code);

}  // namespace txt2img

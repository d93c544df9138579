// The text encoder: token ids to the context of cross-attention.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/switches.h"

namespace txt2img {

class ScriptModule;

struct TextEmbedding {
  at::Tensor context;  // (N, T, W) in the module's dtype
  at::Tensor pooled;   // (N, P), P = 0 without a pooled output
};

class TXT2IMG_API TextEncoder {
 public:
  TextEncoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches = {});
  ~TextEncoder();

  // ids: for each tokenizer (N, L) int64, on any device. clip_skip: 1 ... clip_skips; 1 is the model's own layer.
  [[nodiscard]] TextEmbedding encode(const std::vector<at::Tensor>& ids, int clip_skip) const;

 private:
  TextEncoderSpec spec_;
  std::unique_ptr<ScriptModule> module_;
};

}  // namespace txt2img

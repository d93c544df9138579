// Texts that were encoded, for pictures that have the same.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <list>
#include <span>
#include <utility>

#include "module/modules.h"
#include "txt2img/export.h"
#include "txt2img/tokenizer.h"

namespace txt2img {

// Of N texts side by side.
struct EncodedTexts {
  at::Tensor ids{};      // (N, L) int64, the tokenizers' one after the other
  at::Tensor context{};  // (N, T, W)
  at::Tensor pooled{};   // (N, P)
};

class TXT2IMG_API TextCache {
 public:
  explicit TextCache(Modules& modules) : modules_(&modules) {}

  // Each text by itself, so that its context does not depend on its neighbours, and only once for many pictures. Where
  // one is new and the encoder is not leased yet, it is.
  [[nodiscard]] EncodedTexts encode(std::span<const TextIds* const> texts, int clip_skip, Lease<TextEncoder>& encoder);

 private:
  using Key = std::pair<TextIds, int>;  // and clip skip

  // Nothing where it is not kept.
  [[nodiscard]] const EncodedTexts* find(const Key& key);
  const EncodedTexts& add(Key key, const TextEncoder& encoder);

  Modules* modules_;
  std::list<std::pair<Key, EncodedTexts>> texts_;  // the one asked for last in front
};

}  // namespace txt2img

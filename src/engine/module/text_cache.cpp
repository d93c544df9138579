#include "module/text_cache.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace txt2img {
namespace {

constexpr std::size_t kTextsMax = 64;  // that are kept

}  // namespace

const EncodedTexts* TextCache::find(const Key& key) {
  const auto found = std::ranges::find(texts_, key, &std::pair<Key, EncodedTexts>::first);
  if (found == texts_.end()) return nullptr;
  texts_.splice(texts_.begin(), texts_, found);
  return &found->second;
}

const EncodedTexts& TextCache::add(Key key, const TextEncoder& encoder) {
  std::vector<at::Tensor> ids;
  for (const std::vector<std::int64_t>& row : key.first) ids.push_back(at::tensor(row, at::kLong).unsqueeze(0));
  const TextEmbedding embedding = encoder.encode(ids, key.second);
  // Not a view, which would keep the contexts of all clip skips.
  EncodedTexts text{.ids = at::cat(ids, 1), .context = embedding.context.clone(), .pooled = embedding.pooled};
  texts_.emplace_front(std::move(key), std::move(text));
  if (texts_.size() > kTextsMax) texts_.pop_back();
  return texts_.front().second;
}

EncodedTexts TextCache::encode(std::span<const TextIds* const> texts, int clip_skip, Lease<TextEncoder>& encoder) {
  std::vector<at::Tensor> ids;
  std::vector<at::Tensor> contexts;
  std::vector<at::Tensor> pooled;
  for (const TextIds* const text : texts) {
    Key key{*text, clip_skip};
    const EncodedTexts* encoded = find(key);
    if (encoded == nullptr) {
      if (!encoder) encoder = modules_->text_encoder();
      encoded = &add(std::move(key), *encoder);
    }
    ids.push_back(encoded->ids);
    contexts.push_back(encoded->context);
    pooled.push_back(encoded->pooled);
  }
  return {.ids = at::cat(ids), .context = at::cat(contexts), .pooled = at::cat(pooled)};
}

}  // namespace txt2img

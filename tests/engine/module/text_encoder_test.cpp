#include "module/text_encoder.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <vector>

#include "fixtures/toy_bundle.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

TEST(TextEncoder, GivesTheContextOfTheClipSkip) {
  const ToyBundle toy;
  const TextEncoder encoder(toy.bundle(), at::kCPU, at::kFloat);
  const at::Tensor ids = at::full({3, 8}, 50, at::kLong);
  const TextEmbedding first = encoder.encode({ids}, 1);
  EXPECT_EQ(first.context.sizes(), (std::vector<std::int64_t>{3, 8, 1}));
  EXPECT_EQ(first.pooled.sizes(), (std::vector<std::int64_t>{3, 0}));
  EXPECT_FLOAT_EQ(first.context[2][7][0].item<float>(), 0.5F);
  EXPECT_FLOAT_EQ(encoder.encode({ids}, 2).context[2][7][0].item<float>(), 1.0F);
}

TEST(TextEncoder, RefusesAModuleThatIsNotAsTheBundleSays) {
  const ToyBundle toy;
  Bundle bundle = toy.bundle();
  bundle.text_encoder.context_width = 768;
  const TextEncoder encoder(bundle, at::kCPU, at::kFloat);
  EXPECT_THROW(static_cast<void>(encoder.encode({at::full({1, 8}, 1, at::kLong)}, 1)), Error);
}

}  // namespace
}  // namespace txt2img

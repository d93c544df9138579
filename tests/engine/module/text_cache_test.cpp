#include "module/text_cache.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "fixtures/cpu_placement.h"
#include "fixtures/toy_bundle.h"

namespace txt2img {
namespace {

// The encoder counts its calls in what it returns: the context of the k-th call is k all over.
class TextCacheTest : public testing::Test {
 protected:
  static TextIds text(std::int64_t id) { return {std::vector<std::int64_t>(8, id)}; }

  EncodedTexts encode(const std::vector<TextIds>& texts, int clip_skip = 1) {
    std::vector<const TextIds*> all;
    for (const TextIds& one : texts) all.push_back(&one);
    Lease<TextEncoder> encoder;
    EncodedTexts encoded = cache_.encode(all, clip_skip, encoder);
    has_leased_ = encoder != nullptr;
    return encoded;
  }
  // The number of the call that encoded it.
  int call_of(std::int64_t id, int clip_skip = 1) {
    return static_cast<int>(encode({text(id)}, clip_skip).context.mean().item<float>());
  }

  const c10::InferenceMode guard_{};
  ToyBundle toy_{{.text_encoder = R"(
def forward(self, ids):
    self.index.add_(1)
    context = (ids.unsqueeze(-1) * 0 + self.index[0]).to(self.one.dtype) * self.one
    return torch.stack([context, context]), context[:, 0, :0]
)"}};
  Bundle bundle_ = toy_.bundle();
  Modules modules_{bundle_, cpu_placement(MemoryUse::kNormal)};
  TextCache cache_{modules_};
  bool has_leased_ = false;
};

TEST_F(TextCacheTest, EncodesATextOnceForEachClipSkip) {
  EXPECT_EQ(call_of(1), 1);
  EXPECT_EQ(call_of(2), 2);
  EXPECT_EQ(call_of(1), 1);
  EXPECT_EQ(call_of(1, 2), 3);
}

TEST_F(TextCacheTest, LeasesTheEncoderOnlyForWhatIsNew) {
  call_of(1);
  EXPECT_TRUE(has_leased_);
  call_of(1);
  EXPECT_FALSE(has_leased_);
}

TEST_F(TextCacheTest, PutsTextsSideBySideInTheirOrder) {
  const EncodedTexts encoded = encode({text(5), text(3), text(5)});
  EXPECT_EQ(encoded.ids.sizes(), (std::vector<std::int64_t>{3, 8}));
  EXPECT_EQ(encoded.ids[1][7].item<std::int64_t>(), 3);
  EXPECT_EQ(encoded.context[0].mean().item<float>(), 1);
  EXPECT_EQ(encoded.context[1].mean().item<float>(), 2);
  EXPECT_EQ(encoded.context[2].mean().item<float>(), 1);
}

TEST_F(TextCacheTest, ForgetsTheTextThatWasNotAskedForLongest) {
  call_of(0);
  for (int id = 1; id < 64; ++id) call_of(id);
  EXPECT_EQ(call_of(0), 1);
  EXPECT_EQ(call_of(64), 65) << "the 65th text, for which that of 1 goes";
  EXPECT_EQ(call_of(0), 1);
  EXPECT_EQ(call_of(1), 66);
}

}  // namespace
}  // namespace txt2img

// A SentencePiece model from elsewhere: refused, or one that can be used.
#include "fuzz.h"
#include "txt2img/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  const TokenizerSpec spec{.kind = TokenizerKind::kSentencePiece,
                           .vocab = {},
                           .merges = {},
                           .model = file.path().string(),
                           .length = 16,
                           .bos = 1,
                           .eos = 2,
                           .pad = 0,
                           .special = {}};
  return fuzz::try_it([&] {
    const auto tokenizer = make_tokenizer(spec, "/");
    fuzz::require(tokenizer->encode("two red apples, 两个红苹果").ids.size() <= 16);
  });
}

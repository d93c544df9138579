// CLIP's two files, separated by a NUL: the vocabulary, then the merges.
#include "fuzz.h"
#include "txt2img/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  const fuzz::MemoryFile vocabulary(text.substr(0, end));
  const fuzz::MemoryFile merges(text.substr(std::min(end + 1, text.size())));
  const TokenizerSpec spec{.kind = TokenizerKind::kClipBpe,
                           .vocab = vocabulary.path().string(),
                           .merges = merges.path().string(),
                           .model = {},
                           .length = 8,
                           .bos = 1,
                           .eos = 2,
                           .pad = 0,
                           .special = {}};
  return fuzz::try_it([&] {
    const auto tokenizer = make_tokenizer(spec, "/");
    fuzz::require(tokenizer->encode("a b, ab").ids.size() <= 8);
  });
}

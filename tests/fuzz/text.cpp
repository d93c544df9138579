// Prompts: any bytes become ids of the vocabulary, no more than fit. $TXT2IMG_FUZZ_CLIP: a folder with vocab.json and
// merges.txt of CLIP; $TXT2IMG_FUZZ_SENTENCEPIECE: one with tokenizer.model.
#include "fuzz.h"
#include "txt2img/tokenizer.h"

namespace {

using txt2img::Tokenizer;
using txt2img::TokenizerSpec;

std::filesystem::path folder_of(const char* variable) {
  const char* folder = std::getenv(variable);
  txt2img::fuzz::require(folder != nullptr);
  return folder;
}

void check(const Tokenizer& tokenizer, const TokenizerSpec& spec, std::string_view text) {
  const txt2img::Tokens tokens = tokenizer.encode(text);
  txt2img::fuzz::require(tokens.ids.size() <= static_cast<std::size_t>(spec.length));
  txt2img::fuzz::require(tokens.ids.back() == spec.eos);
  for (const std::int64_t id : tokens.ids) txt2img::fuzz::require(id >= 0 && id < 49408);
  txt2img::fuzz::require(pad_ids(tokens.ids, spec).size() == static_cast<std::size_t>(spec.length));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  static const TokenizerSpec clip_spec{.kind = TokenizerKind::kClipBpe,
                                       .vocab = "vocab.json",
                                       .merges = "merges.txt",
                                       .model = {},
                                       .length = 77,
                                       .bos = 49406,
                                       .eos = 49407,
                                       .pad = 0,
                                       .special = {{"!", 0}}};
  static const TokenizerSpec piece_spec{.kind = TokenizerKind::kSentencePiece,
                                        .vocab = {},
                                        .merges = {},
                                        .model = "tokenizer.model",
                                        .length = 32,
                                        .bos = 1,
                                        .eos = 2,
                                        .pad = 0,
                                        .special = {}};
  static const auto clip = make_tokenizer(clip_spec, folder_of("TXT2IMG_FUZZ_CLIP"));
  static const auto piece = make_tokenizer(piece_spec, folder_of("TXT2IMG_FUZZ_SENTENCEPIECE"));
  return fuzz::try_it([&] {
    check(*clip, clip_spec, fuzz::text_of(data, size));
    check(*piece, piece_spec, fuzz::text_of(data, size));
  });
}

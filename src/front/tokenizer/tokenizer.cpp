#include "txt2img/tokenizer.h"

#include <algorithm>
#include <string>

#include "tokenizer/clip_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img {

Tokenizer::~Tokenizer() = default;

std::unique_ptr<Tokenizer> make_tokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder) {
  if (spec.length < (spec.bos < 0 ? 1 : 2)) {
    throw Error(ExitCode::kBadData,
                format_text("{}: a tokenizer of {} ids has no room for bos and eos; export the model again",
                            (folder / "model.json").string(), spec.length));
  }
  switch (spec.kind) {
    case TokenizerKind::kClipBpe: return std::make_unique<ClipTokenizer>(spec, folder);
    case TokenizerKind::kSentencePiece: return std::make_unique<SentencePieceTokenizer>(spec, folder);
  }
  return nullptr;  // no other kind
}

std::vector<std::int64_t> pad_ids(const Tokens& tokens, const TokenizerSpec& spec) {
  std::vector<std::int64_t> ids = tokens.ids;
  ids.resize(std::max(ids.size(), static_cast<std::size_t>(spec.length)), spec.pad);
  return ids;
}

}  // namespace txt2img

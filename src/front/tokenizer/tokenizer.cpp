#include "txt2img/tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

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

std::vector<std::int64_t> pad_ids(std::vector<std::int64_t> ids, const TokenizerSpec& spec) {
  ids.resize(std::max(ids.size(), static_cast<std::size_t>(spec.length)), spec.pad);
  return ids;
}

Tokenizers::Tokenizers(const Bundle& bundle) : specs_(bundle.tokenizers) {
  for (const TokenizerSpec& spec : specs_) tokenizers_.push_back(make_tokenizer(spec, bundle.folder));
}

TextTokens Tokenizers::encode(std::string_view text) const {
  TextTokens tokens;
  for (const std::unique_ptr<Tokenizer>& tokenizer : tokenizers_) {
    Tokens encoded = tokenizer->encode(text);
    tokens.ids.push_back(std::move(encoded.ids));
    if (encoded.cut.size() > tokens.cut.size()) tokens.cut = std::move(encoded.cut);
  }
  return tokens;
}

TextIds Tokenizers::padded_ids(std::string_view text) const {
  TextIds ids = encode(text).ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = pad_ids(std::move(ids[i]), specs_[i]);
  return ids;
}

}  // namespace txt2img

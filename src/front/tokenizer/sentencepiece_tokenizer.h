// Tokens of a SentencePiece model, with the ids of the sentencepiece library's own encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "txt2img/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace txt2img {

class SentencePieceTokenizer : public Tokenizer {
 public:
  // Throws Error(kBadData) naming the file.
  SentencePieceTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder);
  ~SentencePieceTokenizer() override;

  [[nodiscard]] Tokens encode(std::string_view text) const override;

 private:
  std::filesystem::path path_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::int64_t bos_;  // -1: none
  std::int64_t eos_;
  std::size_t room_;  // ids besides bos and eos
};

}  // namespace txt2img

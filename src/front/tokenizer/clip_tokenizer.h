// CLIP's tokenizer: a lower-casing byte-level BPE, with the ids of transformers' CLIPTokenizer for any text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe_model.h"
#include "tokenizer/literals.h"
#include "txt2img/tokenizer.h"

namespace txt2img {

class ClipTokenizer : public Tokenizer {
 public:
  // Throws Error(kBadData) naming the file.
  ClipTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder);

  [[nodiscard]] Tokens encode(std::string_view text) const override;

 private:
  // An id, and the byte of the text where what it stands for begins.
  struct Placed {
    std::int64_t id = 0;
    std::size_t origin = 0;
  };
  using Output = std::vector<Placed>;

  ClipTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder, const Vocabulary& vocabulary);

  // Each appends tokens until the output holds one more than fits.
  void append_ids(Output& out, std::span<const std::int64_t> ids, std::size_t origin) const;
  void append_text(Output& out, std::string_view text, std::size_t origin) const;
  void append_words(Output& out, std::u32string_view chars, const std::size_t* origins) const;
  void append_word(Output& out, std::u32string_view chars, const std::size_t* origins) const;
  [[nodiscard]] bool is_full(const Output& out) const { return out.size() > room_; }

  std::int64_t bos_;
  std::int64_t eos_;
  std::size_t room_;  // ids between bos and eos
  BpeModel model_;
  std::vector<Literal<char>> raw_literals_;             // special texts found in the text as it stands,
  std::vector<Literal<char32_t>> normalized_literals_;  // and those found in what normalisation leaves of it
};

}  // namespace txt2img

// Text to token ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/export.h"

namespace txt2img {

struct Tokens {
  std::vector<std::int64_t> ids;  // with bos and eos, without padding; at most `length`
  std::string cut;                // the end of the text that did not fit, empty if all did
};

class TXT2IMG_API Tokenizer {
 public:
  virtual ~Tokenizer();

  // Any bytes; invalid UTF-8 is read as U+FFFD.
  [[nodiscard]] virtual Tokens encode(std::string_view text) const = 0;
};

// Opens the tokenizer's files, which must have been verified. Throws Error(kBadData) naming the file.
TXT2IMG_API std::unique_ptr<Tokenizer> make_tokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder);

// Filled up to spec.length with spec.pad.
TXT2IMG_API std::vector<std::int64_t> pad_ids(std::vector<std::int64_t> ids, const TokenizerSpec& spec);

// Of one text, by the bundle's tokenizers in their order.
using TextIds = std::vector<std::vector<std::int64_t>>;

struct TextTokens {
  TextIds ids;      // without padding
  std::string cut;  // the longest end that did not fit one of them
};

// The tokenizers of a bundle, which all read the same text.
class TXT2IMG_API Tokenizers {
 public:
  // Opens their files, which must have been verified. Throws as make_tokenizer() does.
  explicit Tokenizers(const Bundle& bundle);

  [[nodiscard]] TextTokens encode(std::string_view text) const;
  // As the text encoder takes them.
  [[nodiscard]] TextIds padded_ids(std::string_view text) const;

 private:
  std::vector<TokenizerSpec> specs_;
  std::vector<std::unique_ptr<Tokenizer>> tokenizers_;
};

}  // namespace txt2img

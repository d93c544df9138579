// The texts that are drawn: where they come from, and what of them the model reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/tokenizer.h"

namespace txt2img::cli {

// "-" becomes what standard input has to say, without its last line break. Throws Error: kUsage ("-" twice),
// kBadData (standard input is not UTF-8, or longer than 1 MiB), kIo.
std::vector<std::string> read_prompts(const std::vector<std::string>& given);

struct PromptTokens {
  std::vector<std::vector<std::int64_t>> ids;  // per tokenizer, with bos and eos, without padding
  std::string cut;                             // what did not fit
};

class PromptTokenizers {
 public:
  // Verifies the tokenizers' files first. Throws Error(kBadData).
  PromptTokenizers(const Bundle& bundle, VerifyModel policy);

  [[nodiscard]] PromptTokens encode(const std::string& text) const;

 private:
  std::vector<std::unique_ptr<Tokenizer>> tokenizers_;
};

}  // namespace txt2img::cli

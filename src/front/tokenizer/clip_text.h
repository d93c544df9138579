// A prompt as CLIP's tokenizer sees it: normalised, then cut into words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img {

// NFC, runs of spaces joined to one, lower case. `origins[i]` is the byte of the original text that chars[i] comes
// from.
struct ClipText {
  std::u32string chars;
  std::vector<std::size_t> origins;
};

// The text has to be valid UTF-8. Origins count from `origin`.
ClipText normalize_clip_text(std::string_view text, std::size_t origin = 0);

// A stretch of characters.
struct ClipWord {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool operator==(const ClipWord&) const = default;
};

// Contractions ('s 't 're 've 'm 'll 'd), runs of letters, single numbers and runs of the rest; spaces belong to none.
std::vector<ClipWord> split_clip_words(std::u32string_view chars);

}  // namespace txt2img

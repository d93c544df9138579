#include "tokenizer/clip_text.h"

#include <algorithm>
#include <array>

#include "tokenizer/clip_unicode.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

constexpr std::array<std::u32string_view, 7> kContractions{U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
constexpr std::array<std::u32string_view, 2> kMarkers{U"<|startoftext|>", U"<|endoftext|>"};

enum class CharClass { kSpace, kLetter, kNumber, kOther };

CharClass class_of(char32_t value) {
  if (is_clip_space(value)) return CharClass::kSpace;
  if (is_clip_letter(value)) return CharClass::kLetter;
  if (is_clip_number(value)) return CharClass::kNumber;
  return CharClass::kOther;
}

template <std::size_t N>
std::size_t size_of_prefix(std::u32string_view text, const std::array<std::u32string_view, N>& prefixes) {
  const auto prefix = std::ranges::find_if(prefixes, [text](std::u32string_view p) { return text.starts_with(p); });
  return prefix == prefixes.end() ? 0 : prefix->size();
}

// Characters at the start of `text`, which is not empty, that make one word; of spaces: one.
std::size_t size_of_word(std::u32string_view text) {
  if (const std::size_t size = size_of_prefix(text, kContractions)) return size;
  const CharClass kind = class_of(text.front());
  if (kind == CharClass::kSpace || kind == CharClass::kNumber) return 1;
  std::size_t size = 1;
  while (size < text.size() && class_of(text[size]) == kind) ++size;
  return size;
}

void append_cluster(ClipText& text, std::u32string_view cluster, std::size_t origin) {
  std::u32string composed;
  append_nfc(composed, cluster);
  for (const char32_t value : composed) {
    const bool is_space = is_clip_space(value);
    if (is_space && !text.chars.empty() && text.chars.back() == U' ') continue;
    append_clip_lower(text.chars, is_space ? U' ' : value);
    text.origins.resize(text.chars.size(), origin);
  }
}

}  // namespace

ClipText normalize_clip_text(std::string_view text, std::size_t origin) {
  ClipText out;
  std::u32string cluster;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (!cluster.empty() && !joins_previous(point.value, cluster.back())) {
      append_cluster(out, cluster, origin + start);
      cluster.clear();
    }
    if (cluster.empty()) start = at;
    cluster += point.value;
    at += point.size;
  }
  if (!cluster.empty()) append_cluster(out, cluster, origin + start);
  return out;
}

std::vector<ClipWord> split_clip_words(std::u32string_view chars) {
  std::vector<ClipWord> words;
  for (std::size_t at = 0; at < chars.size();) {
    // A marker in other case is not the token but still a unit, whose brackets do not run on into what follows.
    if (const std::size_t size = size_of_prefix(chars.substr(at), kMarkers)) {
      words.insert(words.end(), {{at, at + 2}, {at + 2, at + size - 2}, {at + size - 2, at + size}});
      at += size;
      continue;
    }
    const std::size_t size = size_of_word(chars.substr(at));
    if (!is_clip_space(chars[at])) words.push_back({at, at + size});
    at += size;
  }
  return words;
}

}  // namespace txt2img

#include "tokenizer/clip_tokenizer.h"

#include <algorithm>
#include <span>

#include "tokenizer/clip_text.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& problem) {
  throw Error(ExitCode::kBadData,
              escape_for_terminal(format_text("{}: {}; export the model again", file.string(), problem)));
}

// How bos or eos is typed in a prompt.
std::string marker_text(const Vocabulary& vocabulary, std::int64_t id, const std::filesystem::path& file) {
  const std::optional<std::string_view> text = vocabulary.token_of(id);
  if (!text) refuse(file, format_text("no token has the id {} that model.json gives for bos or eos", id));
  if (text->empty()) refuse(file, format_text("the token {}, bos or eos in model.json, is empty", id));
  return std::string(*text);
}

bool has_literal(const std::vector<Literal<char>>& literals, std::string_view text) {
  return std::ranges::any_of(literals, [text](const Literal<char>& literal) { return literal.text == text; });
}

}  // namespace

ClipTokenizer::ClipTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder)
    : ClipTokenizer(spec, folder, Vocabulary(folder / spec.vocab)) {}

// transformers looks for a special token either in the text as typed or in the normalised text ("<|EndOfText|>" counts
// too). With the published models bos and eos are of the second kind, but the padding is of the first, and with SD 1 it
// is eos.
ClipTokenizer::ClipTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder,
                             const Vocabulary& vocabulary)
    : bos_(spec.bos),
      eos_(spec.eos),
      room_(static_cast<std::size_t>(spec.length) - 2),
      model_(vocabulary, folder / spec.merges, static_cast<std::int32_t>(spec.eos)) {
  for (const auto& [text, id] : spec.special) {
    if (text.empty()) refuse(folder / "model.json", "a special text of the tokenizer is empty");
    raw_literals_.push_back({text, {id}});
  }
  for (const auto& [text, ids] : spec.added) {
    const std::u32string chars = normalize_clip_text(text).chars;
    if (chars.empty()) refuse(folder / "model.json", "an added text of the tokenizer is empty");
    normalized_literals_.push_back({chars, ids});
  }
  for (const std::int64_t id : {bos_, eos_}) {
    const std::string text = marker_text(vocabulary, id, folder / spec.vocab);
    if (has_literal(raw_literals_, text)) continue;
    if (id == spec.pad) {
      raw_literals_.push_back({text, {id}});
    } else {
      normalized_literals_.push_back({normalize_clip_text(text).chars, {id}});
    }
  }
}

Tokens ClipTokenizer::encode(std::string_view text) const {
  const std::string valid = replace_invalid_utf8(text);
  Output out;
  for (const LiteralSection& section : split_literals<char>(valid, raw_literals_)) {
    if (!section.ids.empty()) {
      append_ids(out, section.ids, section.begin);
    } else {
      append_text(out, std::string_view(valid).substr(section.begin, section.end - section.begin), section.begin);
    }
    if (is_full(out)) break;
  }
  Tokens tokens{.ids = {bos_}, .cut = is_full(out) ? valid.substr(out[room_].origin) : ""};
  for (std::size_t i = 0; i < std::min(out.size(), room_); ++i) tokens.ids.push_back(out[i].id);
  tokens.ids.push_back(eos_);
  return tokens;
}

void ClipTokenizer::append_ids(Output& out, std::span<const std::int64_t> ids, std::size_t origin) const {
  for (const std::int64_t id : ids) {
    out.push_back({id, origin});
    if (is_full(out)) return;
  }
}

void ClipTokenizer::append_text(Output& out, std::string_view text, std::size_t origin) const {
  const ClipText normalized = normalize_clip_text(text, origin);
  const std::u32string_view chars = normalized.chars;
  for (const LiteralSection& section : split_literals<char32_t>(chars, normalized_literals_)) {
    const std::size_t* origins = &normalized.origins[section.begin];
    if (!section.ids.empty()) {
      append_ids(out, section.ids, *origins);
    } else {
      append_words(out, chars.substr(section.begin, section.end - section.begin), origins);
    }
    if (is_full(out)) return;
  }
}

void ClipTokenizer::append_words(Output& out, std::u32string_view chars, const std::size_t* origins) const {
  for (const ClipWord& word : split_clip_words(chars)) {
    append_word(out, chars.substr(word.begin, word.end - word.begin), origins + word.begin);
    if (is_full(out)) return;
  }
}

void ClipTokenizer::append_word(Output& out, std::u32string_view chars, const std::size_t* origins) const {
  std::string bytes;
  std::vector<std::size_t> byte_origins;
  for (std::size_t i = 0; i < chars.size(); ++i) {
    append_utf8(bytes, chars[i]);
    byte_origins.resize(bytes.size(), origins[i]);
  }
  std::vector<BpeToken> tokens;
  model_.encode(bytes, tokens);
  std::size_t at = 0;
  for (const BpeToken& token : tokens) {
    out.push_back({token.id, byte_origins[at]});
    at += token.bytes;
  }
}

}  // namespace txt2img

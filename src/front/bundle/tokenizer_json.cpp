#include "bundle/tokenizer_json.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "bundle/file_entries_json.h"
#include "text/json_fields.h"
#include "txt2img/format_text.h"

namespace txt2img {
namespace {

constexpr std::int64_t kIdMax = std::numeric_limits<std::int32_t>::max();
constexpr int kLengthMax = 4096;

std::map<std::string, std::int64_t> parse_special(const JsonObject& special) {
  std::map<std::string, std::int64_t> ids;
  for (const std::string& text : special.keys()) {
    if (text.empty()) special.fail(text, "is an empty text, which cannot become an id");
    ids[text] = special.get_integer<std::int64_t>(text, 0, kIdMax);
  }
  return ids;
}

// Texts of embeddings, each of one vector or more.
std::map<std::string, std::vector<std::int64_t>> parse_added(const JsonObject& added) {
  std::map<std::string, std::vector<std::int64_t>> texts;
  for (const std::string& text : added.keys()) {
    if (text.empty()) added.fail(text, "is an empty text, which cannot become ids");
    texts[text] = added.get_integers(text, 0, kIdMax);
    if (texts[text].empty()) added.fail(text, "becomes no id");
  }
  return texts;
}

TokenizerSpec parse_tokenizer(const JsonObject& object, const Bundle& bundle) {
  static constexpr std::array<std::string_view, 2> kTypes{"clip-bpe", "sentencepiece"};
  TokenizerSpec spec;
  spec.kind = get_value<TokenizerKind>(object, "type", kTypes);
  const JsonField type = required("type", spec.kind, kTypes);
  const JsonField length = required("length", spec.length, 2, kLengthMax);  // bos and eos
  const JsonField eos = required("eos", spec.eos, 0, kIdMax);
  const JsonField pad = required("pad", spec.pad, 0, kIdMax);
  switch (spec.kind) {
    case TokenizerKind::kClipBpe:
      read_fields(object, {
                              type,
                              required("vocab", spec.vocab, with(get_file, bundle)),
                              required("merges", spec.merges, with(get_file, bundle)),
                              required("bos", spec.bos, 0, kIdMax),
                              length,
                              eos,
                              pad,
                              optional("special", spec.special, object_by(parse_special)),
                              optional("added", spec.added, object_by(parse_added)),
                          });
      break;
    case TokenizerKind::kSentencePiece:
      read_fields(object, {
                              type,
                              required("model", spec.model, with(get_file, bundle)),
                              required("bos", spec.bos, -1, kIdMax),
                              length,
                              eos,
                              pad,
                          });
      break;
  }
  return spec;
}

}  // namespace

std::vector<TokenizerSpec> get_tokenizers(const JsonObject& root, std::string_view key, const Bundle& bundle) {
  std::vector<TokenizerSpec> tokenizers;
  for (const JsonObject& object : root.get_objects(key)) {
    tokenizers.push_back(parse_tokenizer(object, bundle));
    if (tokenizers.back().length != tokenizers.front().length) {
      object.fail("length", "differs from the first tokenizer's: the text encoder takes ids of one length");
    }
  }
  if (tokenizers.empty() || tokenizers.size() > 2) {
    root.fail(key, format_text("has {} entries, must have one or two", tokenizers.size()));
  }
  return tokenizers;
}

}  // namespace txt2img

// The one file that includes sentencepiece's header, which puts names into namespace absl.
#include "tokenizer/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>

#include "file/read_file.h"
#include "tokenizer/sentencepiece_check.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 26U;
constexpr int kLogNothing = 4;  // above the library's FATAL

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadData,
              escape_for_terminal(format_text("{}: {}; export the model again", path.string(), problem)));
}

void load(sentencepiece::SentencePieceProcessor& processor, const std::filesystem::path& path) {
  const std::string bytes = read_small_file(path, kBytesMax);
  if (const std::string_view problem = find_sentencepiece_problem(bytes); !problem.empty()) {
    refuse(path, std::string(problem));
  }
  sentencepiece::SetMinLogLevel(kLogNothing);
  try {
    const sentencepiece::util::Status status = processor.LoadFromSerializedProto(bytes);
    if (!status.ok()) refuse(path, status.message());
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // its double arrays throw
    refuse(path, e.what());
  }
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const TokenizerSpec& spec, const std::filesystem::path& folder)
    : path_(folder / spec.model),
      processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()),
      bos_(spec.bos),
      eos_(spec.eos),
      room_(static_cast<std::size_t>(spec.length) - (spec.bos < 0 ? 1 : 2)) {
  load(*processor_, path_);
  for (const std::int64_t id : {spec.bos, spec.eos, spec.pad}) {
    if (id < processor_->GetPieceSize()) continue;
    refuse(path_,
           format_text("it has {} tokens, but bos, eos or pad in model.json is {}", processor_->GetPieceSize(), id));
  }
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

Tokens SentencePieceTokenizer::encode(std::string_view text) const {
  const std::string valid = replace_invalid_utf8(text);
  sentencepiece::ImmutableSentencePieceText pieces;
  const sentencepiece::util::Status status = processor_->Encode(valid, pieces.mutable_proto());
  if (!status.ok()) throw Error(ExitCode::kBadData, path_.string() + " cannot encode the prompt: " + status.message());

  Tokens tokens;
  if (bos_ >= 0) tokens.ids.push_back(bos_);
  const std::size_t kept = std::min(pieces.pieces_size(), room_);
  for (std::size_t i = 0; i < kept; ++i) tokens.ids.push_back(pieces.pieces(static_cast<int>(i)).id());
  tokens.ids.push_back(eos_);
  if (kept < pieces.pieces_size()) {
    tokens.cut = valid.substr(pieces.pieces(static_cast<int>(kept)).begin());
    tokens.cut.erase(0, tokens.cut.find_first_not_of(' '));  // a piece takes the space before its word
  }
  return tokens;
}

}  // namespace txt2img

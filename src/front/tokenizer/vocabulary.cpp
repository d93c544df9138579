#include "tokenizer/vocabulary.h"

#include <bit>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "file/read_file.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using nlohmann::json;

constexpr std::size_t kBytesMax = std::size_t{1} << 26U;  // sixty times CLIP's

std::uint32_t hash_of(std::string_view token) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(token));
}

}  // namespace

// Fills the vocabulary from the events of the JSON parser, which needs a fifth of the time of its document tree.
class Vocabulary::Reader final : public nlohmann::json_sax<json> {
 public:
  explicit Reader(Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  [[nodiscard]] const std::string& problem() const { return problem_; }

  bool start_object(std::size_t /*elements*/) override { return depth_++ == 0 || fail("is not a number"); }
  bool end_object() override { return true; }
  bool key(string_t& token) override {
    const auto start = static_cast<std::uint32_t>(vocabulary_.tokens_.size());
    vocabulary_.tokens_ += token;
    vocabulary_.entries_.push_back({start, static_cast<std::uint32_t>(token.size()), 0});
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 0 || value > std::numeric_limits<std::int32_t>::max()) return fail("is not an id");
    vocabulary_.entries_.back().id = static_cast<std::int32_t>(value);
    return true;
  }
  bool number_integer(number_integer_t /*value*/) override { return fail("is negative"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return fail("is not a whole number");
  }
  bool null() override { return fail("is not a number"); }
  bool boolean(bool /*value*/) override { return fail("is not a number"); }
  bool string(string_t& /*value*/) override { return fail("is not a number"); }
  bool binary(binary_t& /*value*/) override { return fail("is not a number"); }
  bool start_array(std::size_t /*elements*/) override { return fail("is not a number"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const json::exception& error) override {
    problem_ = error.what();
    return false;
  }

 private:
  bool fail(const std::string& what) {
    problem_ = depth_ == 0 ? "it is not an object of tokens and ids"
                           : format_text("the id of '{}' {}", vocabulary_.token(vocabulary_.entries_.back()), what);
    return false;
  }

  Vocabulary& vocabulary_;
  int depth_ = 0;
  std::string problem_;
};

Vocabulary::Vocabulary(const std::filesystem::path& path) {
  const std::string text = read_small_file(path, kBytesMax);
  const auto refuse = [&](const std::string& problem) {
    throw Error(ExitCode::kBadData, escape_for_terminal(format_text("{}: not a vocabulary: {}; export the model again",
                                                                    path.string(), problem)));
  };
  tokens_.reserve(text.size() / 2);
  entries_.reserve(text.size() / 16);
  Reader reader(*this);
  if (!json::sax_parse(text, &reader)) refuse(reader.problem());
  slots_.resize(std::bit_ceil(entries_.size() + entries_.size() / 4 + 1));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::uint32_t hash = hash_of(token(entries_[i]));
    Slot& slot = slots_[slot_of(token(entries_[i]), hash)];
    if (slot.place != 0) refuse(format_text("it has '{}' twice", token(entries_[i])));
    slot = {hash, static_cast<std::uint32_t>(i) + 1};
  }
}

std::optional<std::int32_t> Vocabulary::id_of(std::string_view wanted) const {
  const std::size_t place = find(wanted);
  if (place == kNowhere) return std::nullopt;
  return id(place);
}

std::size_t Vocabulary::find(std::string_view wanted, std::size_t guess) const {
  if (guess < entries_.size() && token(entries_[guess]) == wanted) return guess;
  return static_cast<std::size_t>(slots_[slot_of(wanted, hash_of(wanted))].place) - 1;  // 0 - 1 is kNowhere
}

std::optional<std::string_view> Vocabulary::token_of(std::int64_t id) const {
  for (const Entry& entry : entries_) {
    if (entry.id == id) return token(entry);
  }
  return std::nullopt;
}

std::string_view Vocabulary::token(const Entry& entry) const {
  return std::string_view(tokens_).substr(entry.start, entry.size);
}

// Where a token is, or the free slot where it would be.
std::size_t Vocabulary::slot_of(std::string_view wanted, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].place != 0 && (slots_[at].hash != hash || token(entries_[slots_[at].place - 1]) != wanted)) {
    at = (at + 1) & mask;
  }
  return at;
}

}  // namespace txt2img

#include "tokenizer/sentencepiece_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace txt2img {
namespace {

// Of the library: room for the rules that match at one place, and for the user-defined symbols that do.
constexpr int kRulesPerPlaceMax = 32;
constexpr std::size_t kUserSymbolsPerPlaceMax = 64;

constexpr std::string_view kNoModel = "it is not a SentencePiece model";

constexpr std::size_t kReplacementBytesMax = 1024;  // what one character may become; 33 in the library's own tables

struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a varint
  std::string_view bytes;   // of a text or a message
};

// Walks the fields of a protocol buffer message.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  // The next field, or nothing at the end or where the bytes are no message.
  std::optional<Field> next() {
    const std::optional<std::uint64_t> tag = rest_.empty() ? std::nullopt : varint();
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3U, .value = 0, .bytes = {}};
    switch (*tag & 7U) {
      case 0: return read_varint(field);
      case 1: return take(8) ? std::optional(field) : std::nullopt;
      case 2: return read_bytes(field);
      case 5: return take(4) ? std::optional(field) : std::nullopt;
      default: return std::nullopt;  // groups: nobody writes them
    }
  }

  [[nodiscard]] bool is_finished() const { return rest_.empty(); }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> take(std::uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::optional<Field> read_varint(Field field) {
    const std::optional<std::uint64_t> value = varint();
    if (!value) return std::nullopt;
    field.value = *value;
    return field;
  }

  std::optional<Field> read_bytes(Field field) {
    const std::optional<std::uint64_t> size = varint();
    const std::optional<std::string_view> bytes = size ? take(*size) : std::nullopt;
    if (!bytes) return std::nullopt;
    field.bytes = *bytes;
    return field;
  }

  std::string_view rest_;
};

// A double array as darts-clone stores it: byte c leads from a state to the unit at state ^ c, if that has the label c,
// and from there to the state index ^ offset, where a value lies if the unit says so.
class DoubleArray {
 public:
  explicit DoubleArray(std::string_view blob) : units_(blob.size() / sizeof(std::uint32_t)) {
    std::memcpy(units_.data(), blob.data(),
                units_.size() * sizeof(std::uint32_t));  // little-endian, as the library has it
    link_siblings();
  }

  // No walk leaves the array, goes round in circles or meets more than `values_max` values.
  [[nodiscard]] bool is_sound(int values_max) {
    most_values_.assign(units_.size(), kUnseen);
    const std::size_t root = state_after(0);
    if (is_outside(root)) return false;
    std::vector<std::size_t> path{root};
    while (!path.empty()) {
      const std::size_t state = path.back();
      if (most_values_[state] == kUnseen) {
        if (!enter(state, path)) return false;
      } else {
        path.pop_back();
        if (most_values_[state] == kEntered) leave(state);
      }
    }
    return most_values_[root] <= values_max;
  }

 private:
  static constexpr int kUnseen = -2;
  static constexpr int kEntered = -1;

  static std::uint32_t label(std::uint32_t unit) { return unit & 0x800000FFU; }  // a byte, or above if it is a value
  [[nodiscard]] int value_count(std::uint32_t at) const { return static_cast<int>(units_[at] >> 8U & 1U); }
  [[nodiscard]] std::size_t state_after(std::uint32_t at) const {
    const std::uint32_t unit = units_[at];
    return at ^ (unit >> 10U << ((unit & (1U << 9U)) >> 6U));
  }
  // The second: byte c may lead back to the root, which is not in the lists.
  [[nodiscard]] bool is_outside(std::size_t state) const { return state >= units_.size() || state == label(units_[0]); }

  // Units reached from one state form a list that starts in first_. There are whole blocks of 256 units, so that they
  // lie inside if the state does.
  void link_siblings() {
    first_.assign(units_.size(), 0);
    next_.assign(units_.size(), 0);
    for (std::uint32_t at = 1; at < units_.size(); ++at) {
      if (label(units_[at]) > 0xFFU) continue;
      const std::uint32_t state = at ^ label(units_[at]);
      next_[at] = first_[state];
      first_[state] = at;
    }
  }

  // Puts the states after this one on the path, unless one is outside or this one is after it.
  bool enter(std::size_t state, std::vector<std::size_t>& path) {
    most_values_[state] = kEntered;
    for (std::uint32_t at = first_[state]; at != 0; at = next_[at]) {
      const std::size_t after = state_after(at);
      if (is_outside(after) || most_values_[after] == kEntered) return false;
      if (most_values_[after] == kUnseen) path.push_back(after);
    }
    return true;
  }

  void leave(std::size_t state) {
    int most = 0;
    for (std::uint32_t at = first_[state]; at != 0; at = next_[at]) {
      most = std::max(most, value_count(at) + most_values_[state_after(at)]);
    }
    most_values_[state] = most;
  }

  std::vector<std::uint32_t> units_;
  std::vector<std::uint32_t> first_;  // index of a unit, 0: none
  std::vector<std::uint32_t> next_;
  std::vector<int> most_values_;  // on any walk from the state on
};

std::size_t longest_text(std::string_view texts) {
  std::size_t longest = 0;
  while (!texts.empty()) {
    const std::size_t size = std::min(texts.find('\0'), texts.size());
    longest = std::max(longest, size);
    texts.remove_prefix(std::min(size + 1, texts.size()));
  }
  return longest;
}

// A charsmap: size of the double array (32 bits), the double array, the replacements as texts that end in NUL.
std::string_view find_charsmap_problem(std::string_view charsmap) {
  if (charsmap.empty()) return {};
  std::uint32_t size = 0;
  if (charsmap.size() < sizeof size) return "its normalisation table is cut off";
  std::memcpy(&size, charsmap.data(), sizeof size);
  charsmap.remove_prefix(sizeof size);
  if (size > charsmap.size() || size == 0 || size % 1024 != 0) return "its normalisation table has a wrong size";
  if (!DoubleArray(charsmap.substr(0, size)).is_sound(kRulesPerPlaceMax)) return "its normalisation table is damaged";
  if (longest_text(charsmap.substr(size)) > kReplacementBytesMax) return "its normalisation table has an endless entry";
  return {};
}

// NormalizerSpec: precompiled_charsmap = 2.
std::string_view find_normalizer_problem(std::string_view bytes) {
  Message message(bytes);
  while (const std::optional<Field> field = message.next()) {
    if (field->number != 2) continue;
    if (const std::string_view problem = find_charsmap_problem(field->bytes); !problem.empty()) return problem;
  }
  return message.is_finished() ? "" : kNoModel;
}

struct Piece {
  std::string_view text;
  bool is_user_defined = false;
};

// SentencePiece: piece = 1, type = 3 (USER_DEFINED = 4). Nothing if the bytes are no message.
std::optional<Piece> read_piece(std::string_view bytes) {
  constexpr std::uint64_t kUserDefined = 4;
  Message message(bytes);
  Piece piece;
  while (const std::optional<Field> field = message.next()) {
    if (field->number == 1) piece.text = field->bytes;
    if (field->number == 3) piece.is_user_defined = field->value == kUserDefined;
  }
  return message.is_finished() ? std::optional(piece) : std::nullopt;
}

// The most texts that all begin one text, itself among them.
std::size_t longest_chain_of_prefixes(std::vector<std::string_view> texts) {
  std::ranges::sort(texts);  // a text comes after all that begin it
  std::vector<std::string_view> chain;
  std::size_t longest = 0;
  for (const std::string_view text : texts) {
    while (!chain.empty() && !text.starts_with(chain.back())) chain.pop_back();
    chain.push_back(text);
    longest = std::max(longest, chain.size());
  }
  return longest;
}

}  // namespace

// ModelProto: pieces = 1, normalizer_spec = 3, denormalizer_spec = 5.
std::string_view find_sentencepiece_problem(std::string_view model) {
  Message message(model);
  std::vector<std::string_view> user_symbols;
  while (const std::optional<Field> field = message.next()) {
    if (field->number == 1) {
      const std::optional<Piece> piece = read_piece(field->bytes);
      if (!piece) return kNoModel;
      if (piece->is_user_defined) user_symbols.push_back(piece->text);
    } else if (field->number == 3 || field->number == 5) {
      if (const std::string_view problem = find_normalizer_problem(field->bytes); !problem.empty()) return problem;
    }
  }
  if (!message.is_finished()) return kNoModel;
  const bool are_too_many = longest_chain_of_prefixes(std::move(user_symbols)) > kUserSymbolsPerPlaceMax;
  return are_too_many ? "too many user-defined symbols begin with each other" : "";
}

}  // namespace txt2img

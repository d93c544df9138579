#include "tokenizer/bpe_model.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <string>
#include <tuple>

#include "file/read_file.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 26U;  // a hundred times CLIP's
constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// GPT-2's alphabet: printable Latin-1 characters stand for themselves, other bytes for the characters from U+0100 on.
std::array<std::string, 256> byte_alphabet() {
  const auto is_printable = [](unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  };
  std::array<std::string, 256> letters;
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) append_utf8(letters.at(byte), is_printable(byte) ? byte : next++);
  return letters;
}

// A part of a word that is not joined further yet; the parts are a list linked both ways.
struct Symbol {
  BpeToken token;
  std::size_t previous = kNone;
  std::size_t next = kNone;
};

struct Candidate {
  BpeMerge merge;
  std::size_t at = 0;  // the left symbol

  // The best one is the greatest: lowest rank, then leftmost.
  bool operator<(const Candidate& other) const {
    return std::tie(merge.rank, at) > std::tie(other.merge.rank, other.at);
  }
};

// Joins the symbols of one word, best merge first.
class Joiner {
 public:
  Joiner(std::vector<Symbol>& symbols, const BpeMergeTable& merges) : symbols_(symbols), merges_(merges) {
    for (std::size_t i = 0; i < symbols_.size(); ++i) consider(i);
  }

  void run() {
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      if (is_current(best)) join(best);
    }
  }

 private:
  void consider(std::size_t at) {
    if (const BpeMerge* merge = merge_at(at)) candidates_.push({*merge, at});
  }

  [[nodiscard]] const BpeMerge* merge_at(std::size_t at) const {
    const std::size_t next = at == kNone ? kNone : symbols_[at].next;
    return next == kNone ? nullptr : merges_.find(symbols_[at].token.id, symbols_[next].token.id);
  }

  // Earlier joins may have changed the symbols since the candidate was found.
  [[nodiscard]] bool is_current(const Candidate& candidate) const {
    const BpeMerge* merge = merge_at(candidate.at);
    return merge != nullptr && merge->id == candidate.merge.id && symbols_[candidate.at].token.bytes > 0;
  }

  void join(const Candidate& best) {
    Symbol& left = symbols_[best.at];
    Symbol& right = symbols_[left.next];
    left.token = {best.merge.id, left.token.bytes + right.token.bytes};
    left.next = right.next;
    right.token.bytes = 0;  // gone
    if (left.next != kNone) symbols_[left.next].previous = best.at;
    consider(left.previous);
    consider(best.at);
  }

  std::vector<Symbol>& symbols_;
  const BpeMergeTable& merges_;
  std::priority_queue<Candidate> candidates_;
};

// Reads the lines of a merges.txt into a table.
class MergeReader {
 public:
  MergeReader(const Vocabulary& vocabulary, const std::filesystem::path& path) : vocabulary_(vocabulary), path_(path) {}

  BpeMergeTable read() {
    const std::string text = read_small_file(path_, kBytesMax);
    BpeMergeTable table(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      ++line_;
      read_line(rest.substr(0, end), table);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return table;
  }

 private:
  void read_line(std::string_view line, BpeMergeTable& table) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) return;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail(format_text("'{}' is not two tokens", line.substr(0, 80)));
    }
    const std::string_view left = line.substr(0, space);
    const std::string_view right = line.substr(space + 1);
    const std::int32_t left_id = id_of(left, vocabulary_.find(left));
    const std::int32_t right_id = id_of(right, vocabulary_.find(right));
    joined_.assign(left).append(right);
    const std::size_t place = vocabulary_.find(joined_, next_place_);
    table.insert(left_id, right_id, {rank_++, id_of(joined_, place)});
    next_place_ = place + 1;  // new tokens mostly follow each other in the vocabulary too
  }

  [[nodiscard]] std::int32_t id_of(std::string_view token, std::size_t place) const {
    if (place == Vocabulary::kNowhere) fail(format_text("'{}' is not in the vocabulary", token.substr(0, 80)));
    return vocabulary_.id(place);
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ExitCode::kBadData,
                escape_for_terminal(format_text("{}:{}: {}; export the model again", path_.string(), line_, problem)));
  }

  const Vocabulary& vocabulary_;
  const std::filesystem::path& path_;
  int line_ = 0;
  std::int32_t rank_ = 0;
  std::size_t next_place_ = 0;
  std::string joined_;
};

}  // namespace

BpeMergeTable::BpeMergeTable(std::size_t count)
    : slots_(std::bit_ceil(count + count / 4 + 2)), shift_(64 - std::countr_zero(slots_.size())) {}

void BpeMergeTable::insert(std::int32_t left, std::int32_t right, BpeMerge merge) {
  slots_[slot_of(left, right)] = {left, right, merge};
}

const BpeMerge* BpeMergeTable::find(std::int32_t left, std::int32_t right) const {
  const Slot& slot = slots_[slot_of(left, right)];
  return slot.left < 0 ? nullptr : &slot.merge;
}

// Where a pair is, or the free slot where it would be.
std::size_t BpeMergeTable::slot_of(std::int32_t left, std::int32_t right) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t pair = (static_cast<std::uint64_t>(left) << 32U) | static_cast<std::uint32_t>(right);
  std::size_t slot =
      (pair * 0x9E3779B97F4A7C15U) >> shift_;  // Fibonacci hashing: the high bits are the well mixed ones
  while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right)) slot = (slot + 1) & mask;
  return slot;
}

BpeModel::BpeModel(const Vocabulary& vocabulary, const std::filesystem::path& merges, std::int32_t unknown)
    : merges_(MergeReader(vocabulary, merges).read()) {
  const std::array<std::string, 256> letters = byte_alphabet();
  for (std::size_t byte = 0; byte < letters.size(); ++byte) {
    bytes_.at(byte) = vocabulary.id_of(letters.at(byte)).value_or(unknown);
    last_bytes_.at(byte) = vocabulary.id_of(letters.at(byte) + std::string(kEndOfWord)).value_or(unknown);
  }
}

void BpeModel::encode(std::string_view word, std::vector<BpeToken>& tokens) const {
  std::vector<Symbol> symbols(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool is_last = i + 1 == word.size();
    const auto& ids = is_last ? last_bytes_ : bytes_;
    symbols[i] = {{ids.at(static_cast<unsigned char>(word[i])), 1}, i == 0 ? kNone : i - 1, is_last ? kNone : i + 1};
  }
  Joiner(symbols, merges_).run();
  for (const Symbol& symbol : symbols) {
    if (symbol.token.bytes > 0) tokens.push_back(symbol.token);
  }
}

}  // namespace txt2img

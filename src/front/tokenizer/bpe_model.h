// Byte pair encoding of single words: bytes are joined to ever longer tokens by a ranked list of merges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace txt2img {

// A token of a word, and how many of the word's bytes it stands for.
struct BpeToken {
  std::int32_t id = 0;
  std::size_t bytes = 0;

  bool operator==(const BpeToken&) const = default;
};

struct BpeMerge {
  std::int32_t rank = 0;  // the lowest goes first
  std::int32_t id = 0;    // of the joined token
};

// (left id, right id) -> the merge that joins them.
class BpeMergeTable {
 public:
  // Makes room for `count` merges.
  explicit BpeMergeTable(std::size_t count);

  // Replaces an earlier merge of the same pair.
  void insert(std::int32_t left, std::int32_t right, BpeMerge merge);
  // nullptr: the two are not joined.
  [[nodiscard]] const BpeMerge* find(std::int32_t left, std::int32_t right) const;

 private:
  struct Slot {
    std::int32_t left = -1;  // -1: free
    std::int32_t right = 0;
    BpeMerge merge;
  };

  [[nodiscard]] std::size_t slot_of(std::int32_t left, std::int32_t right) const;

  std::vector<Slot> slots_;  // a power of two, at most four fifths in use: small is fast
  int shift_;                // leaves as many bits of a hash as there are slots
};

// CLIP's kind: tokens are spelled in GPT-2's alphabet of bytes, and the last one of a word ends in "</w>".
class BpeModel {
 public:
  // Reads merges.txt: "left right" on each line. Bytes that are no token become `unknown`. Throws Error(kBadData)
  // naming file and line.
  BpeModel(const Vocabulary& vocabulary, const std::filesystem::path& merges, std::int32_t unknown);

  // Appends the tokens of a word.
  void encode(std::string_view word, std::vector<BpeToken>& tokens) const;

 private:
  std::array<std::int32_t, 256> bytes_{};       // ids of the bytes within a word
  std::array<std::int32_t, 256> last_bytes_{};  // and at its end
  BpeMergeTable merges_;
};

}  // namespace txt2img

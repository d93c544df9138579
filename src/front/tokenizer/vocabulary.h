// The tokens of a vocab.json and their ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img {

// One flat string and one flat hash table: 50,000 tokens have to load within milliseconds.
class Vocabulary {
 public:
  // Reads {"token": id, ...}. Throws Error(kBadData) naming the file and the place.
  explicit Vocabulary(const std::filesystem::path& path);

  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view wanted) const;

  // The place of a token in the file, which is quick to find if it is `guess`.
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t find(std::string_view wanted, std::size_t guess = kNowhere) const;
  [[nodiscard]] std::int32_t id(std::size_t place) const { return entries_[place].id; }

  // The token with this id, or nothing. Looks through all of them.
  [[nodiscard]] std::optional<std::string_view> token_of(std::int64_t id) const;

 private:
  struct Entry {
    std::uint32_t start = 0;  // in tokens_
    std::uint32_t size = 0;
    std::int32_t id = 0;
  };
  struct Slot {
    std::uint32_t hash = 0;   // spares most looks at other tokens
    std::uint32_t place = 0;  // in entries_, from 1 on; 0: free
  };
  class Reader;

  [[nodiscard]] std::string_view token(const Entry& entry) const;
  [[nodiscard]] std::size_t slot_of(std::string_view wanted, std::uint32_t hash) const;

  std::string tokens_;          // one after another
  std::vector<Entry> entries_;  // in the order of the file
  std::vector<Slot> slots_;     // a power of two, at most four fifths in use: small is fast
};

}  // namespace txt2img

// A vocabulary of CLIP's kind that is small enough to check by hand.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "utf8.h"

namespace txt2img {

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Ids as in CLIP: 0-255 bytes within a word, 256-511 at its end, then a token for each merge, then bos and eos.
class ClipVocabulary {
 public:
  explicit ClipVocabulary(const std::vector<std::string>& merges) {
    // GPT-2's order: printable Latin-1 first, as itself, then the other bytes as U+0100 and on.
    std::vector<unsigned> others;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool is_printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
      is_printable ? add_byte(byte, byte) : others.push_back(byte);
    }
    for (std::size_t i = 0; i < others.size(); ++i) add_byte(others[i], static_cast<char32_t>(0x100 + i));
    for (const std::string& letter : letters_) add(letter + "</w>");
    merges_ = "#version: 0.2\n";
    for (const std::string& merge : merges) {
      merges_ += merge + "\n";
      const std::size_t space = merge.find(' ');
      add(merge.substr(0, space) + merge.substr(space + 1));
    }
    bos = add("<|startoftext|>");
    eos = add("<|endoftext|>");
  }

  void write(const std::filesystem::path& folder) const {
    write_text(folder / "vocab.json", nlohmann::json(ids_).dump());
    write_text(folder / "merges.txt", merges_);
  }

  [[nodiscard]] int id(const std::string& token) const { return ids_.at(token); }
  // Of a byte within a word.
  [[nodiscard]] int byte(unsigned value) const { return byte_ids_.at(value); }

  int bos = 0;
  int eos = 0;

 private:
  void add_byte(unsigned byte, char32_t letter) {
    letters_.emplace_back();
    append_utf8(letters_.back(), letter);
    byte_ids_[byte] = add(letters_.back());
  }

  int add(const std::string& token) {
    const int id = static_cast<int>(ids_.size());
    return ids_[token] = id;
  }

  std::vector<std::string> letters_;
  std::map<std::string, int> ids_;
  std::map<unsigned, int> byte_ids_;
  std::string merges_;
};

}  // namespace txt2img

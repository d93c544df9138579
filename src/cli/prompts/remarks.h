// What is odd about the texts of a run but not wrong: each kind is said once.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli {

enum class RemarkKind {
  kComment,    // a line that was left out
  kHash,       // one that was not, though others may think so
  kSyntax,     // a prompt in another program's syntax
  kLeftAlone,  // a file of a folder
};

class Remarks {
 public:
  // Of a kind only the first one is shown; the others are counted. `place` ("p.txt:3") may be empty.
  void add(RemarkKind kind, const std::string& place, std::string_view excerpt);

  // Sentences about all that was added since the last call, as far as their kind was not said before.
  std::vector<std::string> take();

 private:
  struct Entry {
    std::size_t count = 0;
    bool is_said = false;
    std::string place;
    std::string excerpt;
  };
  std::array<Entry, 4> entries_;  // by kind
};

}  // namespace txt2img::cli

// What a person should know of the lines of a prompt file, each thing once.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "screen/console.h"

namespace txt2img::cli {

class Notes {
 public:
  void add(const std::string& place, const std::string& note);

  // Warns of each with its first place and how many more there are, in the order of these places.
  void tell(Console& console) const;

 private:
  struct Entry {
    std::string place;
    std::string note;
    std::size_t count = 1;
  };

  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> entry_of_;  // by note
  std::size_t left_out_ = 0;
};

}  // namespace txt2img::cli

// What is wrong with a prompt file: all of it, as far as anybody wants to read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "screen/console.h"

namespace txt2img::cli {

class PromptErrors {
 public:
  // The message says where.
  void add(const std::string& message);

  // Throws Error(kBadData) if there is any: the only one itself, else after all that are kept went to the console.
  void check(const std::string& file, Console& console) const;

 private:
  std::vector<std::string> shown_;
  std::size_t count_ = 0;
};

}  // namespace txt2img::cli

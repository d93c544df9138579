#include "txt2img/number_text.h"

#include <array>
#include <charconv>

namespace txt2img {

std::string to_shortest_text(double value) {
  std::array<char, 32> text{};  // 24 are needed at most: -2.2250738585072014e-308
  char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace txt2img

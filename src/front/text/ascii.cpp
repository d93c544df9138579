#include "txt2img/ascii.h"

#include <algorithm>

namespace txt2img {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return lower_case(c); });
  return lower;
}

}  // namespace txt2img

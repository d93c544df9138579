#include "txt2img/nearest_name.h"

#include <algorithm>
#include <cstddef>

#include "text/edit_distance.h"
#include "txt2img/ascii.h"

namespace txt2img {

std::string fold(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    folded += c == '+' ? 'p' : lower_case(c);
  }
  return folded;
}

// Near enough is one slip in three characters.
std::string nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string folded = fold(word);
  std::string_view nearest;
  std::size_t nearest_distance = 0;
  for (const std::string_view candidate : candidates) {
    const std::string other = fold(candidate);
    const auto [shorter, longer] = std::minmax({folded.size(), other.size()});
    if (longer - shorter > longer / 3) continue;  // keeps very long words from costing anything
    const std::size_t distance = edit_distance(folded, other);
    if (distance > longer / 3 || (!nearest.empty() && distance >= nearest_distance)) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return std::string(nearest);
}

}  // namespace txt2img

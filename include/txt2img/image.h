// An RGB picture in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace txt2img {

// 8-bit RGB, rows from the top, no padding: rgb.size() == 3 * width * height.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  bool operator==(const Image&) const = default;
};

}  // namespace txt2img

#include "overview/thumbnail.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "overview/canvas.h"

namespace txt2img::cli {
namespace {

// How much of a source pixel lies under a pixel, in parts of which a source pixel has as many as the thumbnail pixels.
struct Share {
  int source = 0;
  std::int64_t parts = 0;
};
using Shares = std::vector<Share>;  // they sum up to the source's size

std::vector<Shares> share_out(int source_size, int size) {
  std::vector<Shares> shares(static_cast<std::size_t>(size));
  std::int64_t first = 0;
  for (Shares& of_pixel : shares) {
    const std::int64_t end = first + source_size;
    for (std::int64_t source = first / size; source * size < end; ++source) {
      const std::int64_t parts = std::min(end, (source + 1) * size) - std::max(first, source * size);
      of_pixel.push_back({.source = static_cast<int>(source), .parts = parts});
    }
    first = end;
  }
  return shares;
}

std::array<std::uint8_t, 3> mean(const Image& picture, const Shares& columns, const Shares& rows) {
  std::array<std::int64_t, 3> sums{};
  for (const Share& row : rows) {
    for (const Share& column : columns) {
      const std::size_t at = pixel_offset(picture, column.source, row.source);
      for (std::size_t i = 0; i < 3; ++i) sums[i] += row.parts * column.parts * picture.rgb[at + i];
    }
  }
  const std::int64_t whole = std::int64_t{picture.width} * picture.height;
  std::array<std::uint8_t, 3> pixel{};
  std::ranges::transform(sums, pixel.begin(),
                         [whole](std::int64_t sum) { return static_cast<std::uint8_t>((sum + whole / 2) / whole); });
  return pixel;
}

// In proportion to the longer one, rounded.
int scaled(int length, int longer, int side) {
  return std::max(1, static_cast<int>((std::int64_t{2} * length * side + longer) / (std::int64_t{2} * longer)));
}

}  // namespace

Image make_thumbnail(const Image& picture, int side) {
  const int longer = std::max(picture.width, picture.height);
  Image thumbnail{
      .width = scaled(picture.width, longer, side), .height = scaled(picture.height, longer, side), .rgb = {}};
  const std::vector<Shares> columns = share_out(picture.width, thumbnail.width);
  for (const Shares& rows : share_out(picture.height, thumbnail.height)) {
    for (const Shares& of_column : columns) {
      const std::array<std::uint8_t, 3> pixel = mean(picture, of_column, rows);
      thumbnail.rgb.insert(thumbnail.rgb.end(), pixel.begin(), pixel.end());
    }
  }
  return thumbnail;
}

}  // namespace txt2img::cli

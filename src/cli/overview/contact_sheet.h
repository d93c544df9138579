// A contact sheet: one picture with many small ones in a grid, each with its number, its prompt and its seed.
#pragma once

#include <cstddef>

#include "overview/shown_picture.h"
#include "txt2img/image.h"

namespace txt2img::cli {

inline constexpr std::size_t kSheetPicturesMax = 100;

class ContactSheet {
 public:
  // With room for 1 to kSheetPicturesMax pictures, as many in a row as rows, or one more: at most 2648 x 3528 pixels.
  explicit ContactSheet(std::size_t pictures);

  // Fills the next cell, row by row. Instead of a picture without pixels the cell says that there is none.
  void add(const ShownPicture& shown, const Image& picture);

  [[nodiscard]] const Image& image() const { return image_; }

 private:
  int columns_;
  Image image_;
  int used_ = 0;  // cells
};

}  // namespace txt2img::cli

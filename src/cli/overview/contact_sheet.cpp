#include "overview/contact_sheet.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "overview/bitmap_text.h"
#include "overview/canvas.h"
#include "overview/thumbnail.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

// In pixels.
constexpr int kSide = 256;
constexpr int kGap = 8;
constexpr int kPromptLines = 3;
constexpr int kCellWidth = kSide + kGap;
constexpr int kCellHeight = kSide + 2 * kGap + (kPromptLines + 1) * kLineHeight;

constexpr std::uint8_t kPaper = 24;
constexpr std::uint8_t kHole = 48;
constexpr std::uint8_t kInk = 224;
constexpr std::uint8_t kFaintInk = 144;

constexpr std::size_t kLettersInLine = kSide / kLetterWidth;

int columns_for(std::size_t pictures) { return static_cast<int>(std::ceil(std::sqrt(static_cast<double>(pictures)))); }

int rows_for(std::size_t pictures) {
  const int columns = columns_for(pictures);
  return (static_cast<int>(pictures) + columns - 1) / columns;
}

std::string caption(const ShownPicture& shown) {
  const std::string prompt = shown.settings ? to_letters(shown.settings->prompt) : "(not known)";
  return format_text("{} {}", shown.number, is_unreadable(prompt) ? "(another script)" : prompt);
}

std::string seed_text(const ShownPicture& shown) {
  if (!shown.settings) return {};
  const std::string seed = std::to_string(shown.settings->seed);
  const std::string text = "seed " + seed;
  return text.size() <= kLettersInLine ? text : seed;
}

void draw_hole(Image& sheet, std::string_view why, int left, int top) {
  fill(sheet, {.left = left, .top = top, .width = kSide, .height = kSide}, kHole);
  const int width = static_cast<int>(why.size()) * kLetterWidth;
  draw_letters(sheet, why, left + (kSide - width) / 2, top + (kSide - kLineHeight) / 2, kInk);
}

}  // namespace

ContactSheet::ContactSheet(std::size_t pictures)
    : columns_(columns_for(pictures)),
      image_(make_canvas(columns_ * kCellWidth + kGap, rows_for(pictures) * kCellHeight + kGap, kPaper)) {}

void ContactSheet::add(const ShownPicture& shown, const Image& picture) {
  const int left = kGap + used_ % columns_ * kCellWidth;
  const int top = kGap + used_ / columns_ * kCellHeight;
  if (picture.rgb.empty()) {
    draw_hole(image_, shown.status == Status::kFailed ? "failed" : "cannot be read", left, top);
  } else {
    const Image small = make_thumbnail(picture, kSide);
    paste(image_, small, left + (kSide - small.width) / 2, top + (kSide - small.height) / 2);
  }
  int line = top + kSide + kGap;
  for (const std::string& words : wrap_letters(caption(shown), kLettersInLine, kPromptLines)) {
    draw_letters(image_, words, left, line, kInk);
    line += kLineHeight;
  }
  draw_letters(image_, seed_text(shown), left, line, kFaintInk);
  ++used_;
}

}  // namespace txt2img::cli

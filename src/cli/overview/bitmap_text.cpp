#include "overview/bitmap_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "overview/canvas.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

constexpr int kDot = 2;  // pixels
constexpr int kColumns = 5;
constexpr int kRows = 8;  // the last is below the line
constexpr std::size_t kLettersInBand = 16;
constexpr char kFirstLetter = ' ';
constexpr std::string_view kEllipsis = "...";

// From the space to kNoLetter, 16 letters side by side.
constexpr std::array<std::string_view, 48> kFont = {
    "..... ..#.. .#.#. .#.#. ..#.. ##..# .##.. ..#.. ...#. .#... ..... ..... ..... ..... ..... .....",
    "..... ..#.. .#.#. .#.#. .#### ##..# #..#. ..#.. ..#.. ..#.. ..#.. ..#.. ..... ..... ..... ....#",
    "..... ..#.. .#.#. ##### #.#.. ...#. #.#.. ..#.. .#... ...#. #.#.# ..#.. ..... ..... ..... ...#.",
    "..... ..#.. ..... .#.#. .###. ..#.. .#... ..... .#... ...#. .###. ##### ..... ##### ..... ..#..",
    "..... ..#.. ..... ##### ..#.# .#... #.#.# ..... .#... ...#. #.#.# ..#.. ..... ..... ..... .#...",
    "..... ..... ..... .#.#. ####. #..## #..#. ..... ..#.. ..#.. ..#.. ..#.. ..##. ..... .##.. #....",
    "..... ..#.. ..... .#.#. ..#.. #..## .##.# ..... ...#. .#... ..... ..... ..#.. ..... .##.. .....",
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .#... ..... ..... .....",
    ".###. ..#.. .###. ##### ...#. ##### ..##. ##### .###. .###. ..... ..... ...#. ..... .#... .###.",
    "#...# .##.. #...# ...#. ..##. #.... .#... ....# #...# #...# .##.. .##.. ..#.. ..... ..#.. #...#",
    "#..## ..#.. ....# ..#.. .#.#. ####. #.... ...#. #...# #...# .##.. .##.. .#... ##### ...#. ....#",
    "#.#.# ..#.. ...#. ...#. #..#. ....# ####. ..#.. .###. .#### ..... ..... #.... ..... ....# ...#.",
    "##..# ..#.. ..#.. ....# ##### ....# #...# .#... #...# ....# .##.. .##.. .#... ##### ...#. ..#..",
    "#...# ..#.. .#... #...# ...#. #...# #...# .#... #...# ...#. .##.. ..#.. ..#.. ..... ..#.. .....",
    ".###. .###. ##### .###. ...#. .###. .###. .#... .###. .##.. ..... .#... ...#. ..... .#... ..#..",
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
    ".###. .###. ####. .###. ###.. ##### ##### .###. #...# .###. ..### #...# #.... #...# #...# .###.",
    "#...# #...# #...# #...# #..#. #.... #.... #...# #...# ..#.. ...#. #..#. #.... ##.## #...# #...#",
    "....# #...# #...# #.... #...# #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.# ##..# #...#",
    ".##.# #...# ####. #.... #...# ####. ####. #.### ##### ..#.. ...#. ##... #.... #.#.# #.#.# #...#",
    "#.#.# ##### #...# #.... #...# #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...# #..## #...#",
    "#.#.# #...# #...# #...# #..#. #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...# #...# #...#",
    ".###. #...# ####. .###. ###.. ##### #.... .#### #...# .###. .##.. #...# ##### #...# #...# .###.",
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
    "####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### .###. ..... .###. ..#.. .....",
    "#...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# .#... #.... ...#. .#.#. .....",
    "#...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. #...# ...#. .#... .#... ...#. #...# .....",
    "####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. .#.#. ..#.. .#... ..#.. ...#. ..... .....",
    "#.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#... .#... ...#. ...#. ..... .....",
    "#.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #.... .#... ....# ...#. ..... .....",
    "#.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. ##### .###. ..... .###. ..... .....",
    "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... #####",
    ".#... ..... #.... ..... ....# ..... ..##. ..... #.... ..#.. ...#. #.... .##.. ..... ..... .....",
    "..#.. ..... #.... ..... ....# ..... .#..# ..... #.... ..... ..... #.... ..#.. ..... ..... .....",
    "...#. .###. #.##. .###. .##.# .###. .#... .#### #.##. .##.. ..##. #..#. ..#.. ##.#. #.##. .###.",
    "..... ....# ##..# #.... #..## #...# ###.. #...# ##..# ..#.. ...#. #.#.. ..#.. #.#.# ##..# #...#",
    "..... .#### #...# #.... #...# ##### .#... #...# #...# ..#.. ...#. ##... ..#.. #.#.# #...# #...#",
    "..... #...# #...# #...# #...# #.... .#... .#### #...# ..#.. ...#. #.#.. ..#.. #...# #...# #...#",
    "..... .#### ####. .###. .#### .###. .#... ....# #...# .###. #..#. #..#. .###. #...# #...# .###.",
    "..... ..... ..... ..... ..... ..... ..... .###. ..... ..... .##.. ..... ..... ..... ..... .....",
    "..... ..... ..... ..... .#... ..... ..... ..... ..... ..... ..... ...#. ..#.. .#... ..... #####",
    "..... ..... ..... ..... .#... ..... ..... ..... ..... ..... ..... ..#.. ..#.. ..#.. ..... #...#",
    "####. .#### #.##. .###. ###.. #...# #...# #...# #...# #...# ##### ..#.. ..#.. ..#.. .#... #...#",
    "#...# #...# ##..# #.... .#... #...# #...# #...# .#.#. #...# ...#. .#... ..#.. ...#. #.#.# #...#",
    "#...# #...# #.... .###. .#... #...# #...# #.#.# ..#.. #...# ..#.. ..#.. ..#.. ..#.. ...#. #...#",
    "####. .#### #.... ....# .#..# #..## .#.#. #.#.# .#.#. .#### .#... ..#.. ..#.. ..#.. ..... #...#",
    "#.... ....# #.... ####. ..##. .##.# ..#.. .#.#. #...# ....# ##### ...#. ..#.. .#... ..... #####",
    "#.... ....# ..... ..... ..... ..... ..... ..... ..... .###. ..... ..... ..... ..... ..... .....",
};

// What its compatibility decomposition does not make ASCII.
constexpr std::array<std::pair<char32_t, char>, 7> kPlain = {
    {{0x2010, '-'}, {0x2013, '-'}, {0x2014, '-'}, {0x2018, '\''}, {0x2019, '\''}, {0x201C, '"'}, {0x201D, '"'}}};

bool is_dot(char letter, int row, int column) {
  const auto number = static_cast<std::size_t>(letter - kFirstLetter);
  const std::size_t line = number / kLettersInBand * kRows + static_cast<std::size_t>(row);
  return kFont[line][number % kLettersInBand * (kColumns + 1) + static_cast<std::size_t>(column)] == '#';
}

char to_letter(char32_t value) {
  const auto* const plain = std::ranges::find(kPlain, value, &std::pair<char32_t, char>::first);
  if (plain != kPlain.end()) return plain->second;
  if (value < ' ' || value == '\x7F') return ' ';
  return value < '\x7F' ? static_cast<char>(value) : kNoLetter;
}

// Without the marks above and below, which take no room of their own.
std::string decompose(char32_t value) {
  std::array<utf8proc_int32_t, 32> parts{};
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(value), parts.data(), parts.size(),
                              static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), &boundary);
  if (count < 1 || count > std::ssize(parts)) return {kNoLetter};
  std::string letters;
  for (const utf8proc_int32_t part : std::span(parts).first(static_cast<std::size_t>(count))) {
    if (part < 0x80 || utf8proc_charwidth(part) > 0) letters += to_letter(static_cast<char32_t>(part));
  }
  // One box for what is one character to the reader.
  return letters.find(kNoLetter) == std::string::npos ? letters : std::string{kNoLetter};
}

}  // namespace

std::string to_letters(std::string_view text) {
  std::string letters;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    letters += c.is_valid ? decompose(c.value) : std::string{kNoLetter};
    at += c.size;
  }
  return letters;
}

bool is_unreadable(std::string_view letters) {
  const auto missing = std::ranges::count(letters, kNoLetter);
  const auto blank = std::ranges::count(letters, ' ');
  return missing > 0 && 2 * missing >= std::ssize(letters) - blank;
}

std::vector<std::string> wrap_letters(std::string_view letters, std::size_t columns, std::size_t lines) {
  std::vector<std::string> wrapped;
  const auto skip_blanks = [&] { letters.remove_prefix(std::min(letters.find_first_not_of(' '), letters.size())); };
  for (skip_blanks(); !letters.empty() && wrapped.size() < lines; skip_blanks()) {
    std::size_t end = std::min(columns, letters.size());
    const std::size_t blank = letters.substr(0, end + 1).rfind(' ');
    if (end < letters.size() && blank != std::string_view::npos) end = blank;
    wrapped.emplace_back(letters.substr(0, end));
    letters.remove_prefix(end);
  }
  if (!letters.empty() && !wrapped.empty()) {
    std::string& last = wrapped.back();
    last.resize(std::min(last.size(), columns - std::min(columns, kEllipsis.size())));
    last += kEllipsis.substr(0, columns);
  }
  return wrapped;
}

void draw_letters(Image& image, std::string_view letters, int left, int top, std::uint8_t grey) {
  for (const char letter : letters) {
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        const Box dot{.left = left + kDot * column, .top = top + kDot * row, .width = kDot, .height = kDot};
        if (is_dot(letter, row, column)) fill(image, dot, grey);
      }
    }
    left += kLetterWidth;
  }
}

}  // namespace txt2img::cli

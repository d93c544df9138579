#include "tokenizer/clip_unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace txt2img {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Letters and numbers that came with Unicode 15.1 and 16.
constexpr std::array kNewLetters{
    Range{0x1C89, 0x1C8A},   Range{0xA7CB, 0xA7CD},   Range{0xA7DA, 0xA7DC},   Range{0x105C0, 0x105F3},
    Range{0x10D4A, 0x10D65}, Range{0x10D6F, 0x10D85}, Range{0x10EC2, 0x10EC4}, Range{0x11380, 0x11389},
    Range{0x1138B, 0x1138B}, Range{0x1138E, 0x1138E}, Range{0x11390, 0x113B5}, Range{0x113B7, 0x113B7},
    Range{0x113D1, 0x113D1}, Range{0x113D3, 0x113D3}, Range{0x11BC0, 0x11BE0}, Range{0x13460, 0x143FA},
    Range{0x16100, 0x1611D}, Range{0x16D40, 0x16D6C}, Range{0x18CFF, 0x18CFF}, Range{0x1E5D0, 0x1E5ED},
    Range{0x1E5F0, 0x1E5F0}, Range{0x2EBF0, 0x2EE5D},
};
constexpr std::array kNewNumbers{
    Range{0x10D40, 0x10D49}, Range{0x116D0, 0x116E3}, Range{0x11BF0, 0x11BF9}, Range{0x16130, 0x16139},
    Range{0x16D70, 0x16D79}, Range{0x1CCF0, 0x1CCF9}, Range{0x1E5F1, 0x1E5FA},
};

// White_Space of Unicode, which \s of the reference's regular expressions is.
constexpr std::array kSpaces{
    Range{0x9, 0xD},       Range{0x20, 0x20},     Range{0x85, 0x85},     Range{0xA0, 0xA0},     Range{0x1680, 0x1680},
    Range{0x2000, 0x200A}, Range{0x2028, 0x2029}, Range{0x202F, 0x202F}, Range{0x205F, 0x205F}, Range{0x3000, 0x3000},
};

// Capitals of Unicode 16 and 17, each range at one distance from its small letters.
struct Capitals {
  char32_t first;
  char32_t last;
  char32_t lower;  // of `first`
};
constexpr std::array kNewCapitals{
    Capitals{0x1C89, 0x1C89, 0x1C8A},    Capitals{0xA7CB, 0xA7CB, 0x264},  Capitals{0xA7CC, 0xA7CC, 0xA7CD},
    Capitals{0xA7CE, 0xA7CE, 0xA7CF},    Capitals{0xA7D2, 0xA7D2, 0xA7D3}, Capitals{0xA7D4, 0xA7D4, 0xA7D5},
    Capitals{0xA7DA, 0xA7DA, 0xA7DB},    Capitals{0xA7DC, 0xA7DC, 0x19B},  Capitals{0x10D50, 0x10D65, 0x10D70},
    Capitals{0x16EA0, 0x16EB8, 0x16EBB},
};

// Marks newer than Unicode 9: normalisation of the reference neither moves nor composes them. U+11A7 is older, but
// utf8proc would drop it after a Hangul syllable.
constexpr std::array kInertMarks{
    Range{0x5C8, 0x5C9},     Range{0x7FD, 0x7FD},     Range{0x897, 0x89F},     Range{0x8CA, 0x8D3},
    Range{0x9FE, 0x9FE},     Range{0xC3C, 0xC3C},     Range{0xD3B, 0xD3C},     Range{0xEBA, 0xEBA},
    Range{0x11A7, 0x11A7},   Range{0x1715, 0x1715},   Range{0x1ABF, 0x1AF0},   Range{0x1DF6, 0x1DFA},
    Range{0xA82C, 0xA82C},   Range{0x10D24, 0x10D27}, Range{0x10D69, 0x10D6D}, Range{0x10EAB, 0x10EAC},
    Range{0x10ECB, 0x10ECF}, Range{0x10EF0, 0x10EFB}, Range{0x10EFD, 0x10EFF}, Range{0x10F46, 0x10F50},
    Range{0x10F82, 0x10F85}, Range{0x11070, 0x11070}, Range{0x1133B, 0x1133B}, Range{0x113B8, 0x113B8},
    Range{0x113BB, 0x113BB}, Range{0x113C2, 0x113C2}, Range{0x113C9, 0x113C9}, Range{0x113CE, 0x113D0},
    Range{0x1145E, 0x1145E}, Range{0x11839, 0x1183A}, Range{0x11930, 0x11930}, Range{0x1193D, 0x1193E},
    Range{0x11943, 0x11943}, Range{0x119E0, 0x119E0}, Range{0x11A34, 0x11A34}, Range{0x11A47, 0x11A47},
    Range{0x11A99, 0x11A99}, Range{0x11D42, 0x11D42}, Range{0x11D44, 0x11D45}, Range{0x11D97, 0x11D97},
    Range{0x11F41, 0x11F42}, Range{0x1611E, 0x16120}, Range{0x16129, 0x16129}, Range{0x1612F, 0x1612F},
    Range{0x16FF0, 0x16FF1}, Range{0x1D127, 0x1D128}, Range{0x1D250, 0x1D252}, Range{0x1D25B, 0x1D25C},
    Range{0x1D25F, 0x1D25F}, Range{0x1D280, 0x1D281}, Range{0x1E08F, 0x1E08F}, Range{0x1E130, 0x1E136},
    Range{0x1E2AE, 0x1E2AE}, Range{0x1E2EC, 0x1E2EF}, Range{0x1E4EC, 0x1E4EF}, Range{0x1E5EE, 0x1E5EF},
    Range{0x1E6E3, 0x1E6E3}, Range{0x1E6E6, 0x1E6E6}, Range{0x1E6EE, 0x1E6EF}, Range{0x1E6F5, 0x1E6F5},
};

template <class T>
constexpr bool is_sorted_table(std::span<const T> table) {
  return std::ranges::is_sorted(table, {}, &T::first);
}
static_assert(is_sorted_table<Range>(kNewLetters) && is_sorted_table<Range>(kNewNumbers) &&
              is_sorted_table<Range>(kSpaces) && is_sorted_table<Range>(kInertMarks) &&
              is_sorted_table<Capitals>(kNewCapitals));

// The range that holds `value`, or nullptr.
template <class T>
const T* find_range(std::span<const T> table, char32_t value) {
  const auto after = std::ranges::upper_bound(table, value, {}, &T::first);
  if (after == table.begin()) return nullptr;
  const T& range = *std::prev(after);
  return value <= range.last ? &range : nullptr;
}

bool contains(std::span<const Range> table, char32_t value) { return find_range(table, value) != nullptr; }

utf8proc_category_t category_of(char32_t value) { return utf8proc_category(static_cast<utf8proc_int32_t>(value)); }

bool is_mark(char32_t value) {
  const utf8proc_category_t category = category_of(value);
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

// Vowels and finals of Hangul that compose with what is before them.
bool is_joining_jamo(char32_t value) {
  return (value >= 0x1161 && value <= 0x1175) || (value >= 0x11A8 && value <= 0x11C2);
}

int combining_class(utf8proc_int32_t value) { return utf8proc_get_property(value)->combining_class; }

void append_decomposition(std::vector<utf8proc_int32_t>& out, char32_t value) {
  std::array<utf8proc_int32_t, 8> parts{};  // the longest canonical decomposition has four
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(value), parts.data(),
                                                         parts.size(), UTF8PROC_DECOMPOSE, nullptr);
  out.insert(out.end(), parts.begin(), parts.begin() + count);
}

// utf8proc's own ordering takes quadratic time on a long run of marks.
void order_marks(std::vector<utf8proc_int32_t>& values) {
  const auto is_starter = [](utf8proc_int32_t value) { return combining_class(value) == 0; };
  for (auto first = values.begin(); first != values.end();) {
    const auto last = std::find_if(first, values.end(), is_starter);
    std::ranges::stable_sort(first, last, {}, combining_class);
    first = std::find_if_not(last, values.end(), is_starter);
  }
}

}  // namespace

bool is_clip_letter(char32_t value) {
  const utf8proc_category_t category = category_of(value);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) || contains(kNewLetters, value);
}

bool is_clip_number(char32_t value) {
  const utf8proc_category_t category = category_of(value);
  return (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) || contains(kNewNumbers, value);
}

bool is_clip_space(char32_t value) { return contains(kSpaces, value); }

void append_clip_lower(std::u32string& text, char32_t value) {
  if (value == 0x130) {
    text += U"i\u0307";  // the one character whose lower case is two
  } else if (const auto* capitals = find_range<Capitals>(kNewCapitals, value)) {
    text += static_cast<char32_t>(capitals->lower + (value - capitals->first));
  } else {
    text += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(value)));
  }
}

bool joins_previous(char32_t value, char32_t previous) {
  if (value < 0x300 || !(is_mark(value) || is_joining_jamo(value))) return false;
  return !contains(kInertMarks, value) && !contains(kInertMarks, previous);
}

void append_nfc(std::u32string& text, std::u32string_view cluster) {
  if (cluster.size() == 1 && cluster.front() < 0x300) {
    text += cluster;
    return;
  }
  std::vector<utf8proc_int32_t> values;
  for (const char32_t value : cluster) append_decomposition(values, value);
  order_marks(values);
  const utf8proc_ssize_t size =
      utf8proc_normalize_utf32(values.data(), static_cast<utf8proc_ssize_t>(values.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  text.append(values.begin(), values.begin() + size);
}

}  // namespace txt2img

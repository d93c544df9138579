#include "screen/bar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "screen/display_width.h"
#include "txt2img/exact_integer.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kBarMin = 10;  // columns that a label leaves to the bar
constexpr std::size_t kBarMax = 40;
constexpr std::size_t kLabelMin = 8;  // columns that the bar leaves to a label

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), pattern, values...);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string rate_text(const Bar& bar) {
  if (bar.done == 0 || bar.seconds <= 0) return "?it/s";
  const double rate = bar.done / bar.seconds;
  return rate >= 1 ? format("%.2fit/s", rate) : format("%.2fs/it", 1 / rate);
}

// " 7/20 [00:03<00:05, 2.31it/s]"
std::string figures(const Bar& bar) {
  const std::string left = bar.done == 0 ? "?" : clock_text(bar.seconds / bar.done * (bar.total - bar.done));
  return format(" %d/%d [", bar.done, bar.total) + clock_text(bar.seconds) + "<" + left + ", " + rate_text(bar) + "]";
}

std::string fill(double share, std::size_t columns, BarCharacters characters) {
  constexpr std::array<std::string_view, 9> kUnicode = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  constexpr std::array<std::string_view, 2> kAscii = {" ", "#"};
  const std::string_view* const blocks = characters == BarCharacters::kUnicode ? kUnicode.data() : kAscii.data();
  const std::size_t levels = characters == BarCharacters::kUnicode ? kUnicode.size() - 1 : 1;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(columns * levels));
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    text += blocks[std::min(levels, filled - std::min(filled, i * levels))];
  }
  return text;
}

}  // namespace

std::string clock_text(double seconds) {
  const long whole = exact_integer<long>(std::floor(std::clamp(seconds, 0.0, 3.6e8))).value_or(0);
  if (whole >= 3600) return format("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return format("%02ld:%02ld", whole / 60, whole % 60);
}

std::string draw_bar(const Bar& bar, std::size_t columns, BarCharacters characters) {
  const double share = static_cast<double>(bar.done) / std::max(1, bar.total);
  const std::string percent = format(": %3d%%", static_cast<int>(100 * share));
  const std::string right = figures(bar);
  const std::size_t fixed = percent.size() + right.size() + 2;  // and the bar's ends
  const std::size_t room = columns - std::min(columns, fixed);
  if (room < kLabelMin + 1) {
    return fit_to_width(format("%d%% %d/%d ", static_cast<int>(100 * share), bar.done, bar.total) + bar.label, columns);
  }
  const std::size_t reserved = std::min(kBarMin, room - kLabelMin);
  const std::string label = fit_to_width(bar.label, room - reserved);
  const std::size_t width = std::min(kBarMax, room - display_width(label));
  return label + percent + "|" + fill(share, width, characters) + "|" + right;
}

}  // namespace txt2img::cli

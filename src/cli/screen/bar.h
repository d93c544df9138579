// One line of a progress bar, as tqdm draws it.
#pragma once

#include <cstddef>
#include <string>

namespace txt2img::cli {

enum class BarCharacters { kUnicode, kAscii };

struct Bar {
  std::string label;
  int done = 0;
  int total = 1;
  double seconds = 0;  // since the first step began
};

// "2/8 a red apple:  35%|███▌      | 7/20 [00:03<00:05, 2.31it/s]" in at most `columns`; first the bar
// gives way, then the label, then the times.
std::string draw_bar(const Bar& bar, std::size_t columns, BarCharacters characters);

// "01:07", "2:00:05".
std::string clock_text(double seconds);

}  // namespace txt2img::cli

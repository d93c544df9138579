// Texts that other programs read as more than text.
#pragma once

#include <string_view>

namespace txt2img::cli {

// The first piece of a prompt that is written in the syntax of AUTOMATIC1111 and its heirs, InvokeAI, ComfyUI,
// Midjourney or of dynamic prompts; empty: there is none. What counts, so that prose has none of it:
//   (red:1.4)            a single digit before the point; a whole number only behind what is no digit: not (3:16)
//   ((red)) [[red]]      doubled with nothing nested
//   [a:b:0.5] [a::9] [a|b] {a|b}
//   <lora:ink:0.8>       lora, lyco, locon, hypernet
//   a BREAK b, a AND b   in capitals between words that are not
//   __colour__, embedding:name, cat::2, \(, a --ar 3:2
//   (red)1.4, (red)++, (a, b).blend(
//   "a red apple"        all of it in quotes
std::string_view find_foreign_syntax(std::string_view prompt);

}  // namespace txt2img::cli

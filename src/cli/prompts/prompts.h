// The texts that are drawn: where they come from.
#pragma once

#include <string>
#include <vector>

namespace txt2img::cli {

// "-" becomes what standard input has to say, without its last line break. Throws Error: kUsage ("-" twice),
// kBadData (standard input is not UTF-8, or longer than 1 MiB), kIo.
std::vector<std::string> read_prompts(const std::vector<std::string>& given);

}  // namespace txt2img::cli

// Words of the command line that are prompts by oversight.
#pragma once

#include <string>
#include <vector>

namespace txt2img::cli {

// A hint for each kind of it: words one after the other that quotes would make one prompt; the name of a prompt file.
// `prompts` are those that no option stands in front of, in their order. A word is text without blanks of a script that
// has them.
std::vector<std::string> explain_bare_words(const std::vector<std::string>& prompts);

}  // namespace txt2img::cli

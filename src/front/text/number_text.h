// Numbers as people and JSON read them.
#pragma once

#include <string>

namespace txt2img {

// The shortest text that reads back as the same number: 7.5, 7, 1e-05; nan, inf.
std::string to_shortest_text(double value);

}  // namespace txt2img

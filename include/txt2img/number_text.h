// Numbers as people and JSON read them.
#pragma once

#include <string>

#include "txt2img/export.h"

namespace txt2img {

// The shortest text that reads back as the same number: 7.5, 7, 1e-05; nan, inf.
TXT2IMG_API std::string to_shortest_text(double value);

}  // namespace txt2img

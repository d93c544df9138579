// A picture made to fit into a square.
#pragma once

#include "txt2img/image.h"

namespace txt2img::cli {

// The longer side becomes `side` pixels, the other one keeps the proportions, as far as whole pixels (at least 1)
// allow. Each pixel is the mean of what it covers: a large picture becomes smooth, the pixels of a small one become
// squares.
Image make_thumbnail(const Image& picture, int side);

}  // namespace txt2img::cli

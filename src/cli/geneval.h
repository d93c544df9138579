// What GenEval's evaluate_images.py wants beside the pictures of a prompt.
#pragma once

#include <string>

#include "cli/item.h"

namespace txt2img::cli {

// The content of metadata.jsonl: the line of the prompt file, as far as it was not settings of ours.
std::string geneval_metadata(const Item& item);

}  // namespace txt2img::cli

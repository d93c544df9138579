// What GenEval's evaluate_images.py wants beside the pictures of a prompt.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "options/command.h"
#include "plan/item.h"

namespace txt2img::cli {

// The content of metadata.jsonl: the line of the prompt file, as far as it was not settings of ours.
std::string geneval_metadata(const Item& item);

// Where it goes: one folder above the pictures. Nothing with another layout, or for an item that names its own.
std::optional<std::filesystem::path> geneval_metadata_path(const RunOptions& options, const Item& item,
                                                           const std::filesystem::path& picture);

// Whether such a file is there, and says something else than it should.
bool geneval_metadata_differs(const RunOptions& options, const Item& item, const std::filesystem::path& picture);

}  // namespace txt2img::cli

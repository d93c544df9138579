// The entries of a JSON document that is a list or an object of prompts, each with its line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli {

inline constexpr std::size_t kJsonFileMax = std::size_t{64} << 20;  // bytes

struct JsonEntry {
  std::size_t line = 1;  // where it begins
  std::string id{};      // its key in an object; empty in a list
  std::string text{};    // JSON again
};

// An object that has a prompt itself is the one entry. Throws Error(kBadData) for what is no JSON, or another kind of
// it.
std::vector<JsonEntry> split_json(std::string_view document);

}  // namespace txt2img::cli

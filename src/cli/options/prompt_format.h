// How a prompt file is written.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace txt2img::cli {

// The names of the formats are in the order of their values.
enum class PromptFormat { kTxt, kJsonl, kTsv, kCsv, kJson };
inline constexpr std::array<std::string_view, 5> kPromptFormatNames = {"txt", "jsonl", "tsv", "csv", "json"};

// By the ending of the name. Throws Error(kUsage) if it does not tell.
PromptFormat format_of(const std::string& file);

}  // namespace txt2img::cli

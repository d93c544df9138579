// How a prompt file is written.
#pragma once

#include <string>

#include "screen/choices.h"

namespace txt2img::cli {

enum class PromptFormat { kTxt, kJsonl, kTsv, kCsv, kJson };
inline constexpr auto kPromptFormats = choices<PromptFormat>({{PromptFormat::kTxt, "txt"},
                                                              {PromptFormat::kJsonl, "jsonl"},
                                                              {PromptFormat::kTsv, "tsv"},
                                                              {PromptFormat::kCsv, "csv"},
                                                              {PromptFormat::kJson, "json"}});

// By the ending of the name. Throws Error(kUsage) if it does not tell.
PromptFormat format_of(const std::string& file);

}  // namespace txt2img::cli

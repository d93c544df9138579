// The keys of a prompt file: settings of a picture by the names of their options, and a few of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options/option_table.h"

namespace txt2img::cli {

// The option that a key of a prompt file stands for, null if it is none: '_' is as good as '-', and what it is called
// otherwise, here (negative_prompt) or by other programs (guidance_scale), is known too. The value decides what a
// "scheduler" is.
const OptionInfo* find_setting(std::string_view key, std::string_view value = {});

// prompt, id, custom_id, metadata, output.
bool is_own_key(std::string_view key);

// prompt, and what it is called otherwise: Prompt, prompt_en, caption.
bool is_prompt_key(std::string_view key);

// All keys in the spelling of the documentation: prompt, id, ..., negative, seed, ...
const std::vector<std::string_view>& prompt_keys();

// The spelling of the documentation: "guidance_rescale" for "guidance-rescale".
std::string with_underscores(std::string_view name);

}  // namespace txt2img::cli

// Settings of a picture as people write them.
#pragma once

#include <string_view>

#include "options/option_table.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// Asks for a setting. The label of a sampler ("DPM++ 2M Karras") may name a schedule too, the seed "random" takes a
// seed back. Throws Error(kUsage) that says what is wrong with the text.
void ask_setting(Request& request, const SettingInfo& row, std::string_view text);

// What its type asks of a value.
ValueKind kind_of(const SettingInfo& row);

}  // namespace txt2img::cli

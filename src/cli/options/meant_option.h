// Which option a name stands for, whoever calls it so.
#pragma once

#include <string_view>

namespace txt2img::cli {

// Its long name: ours in any spelling, or that of another program; empty: none. The value decides what a "scheduler"
// is.
std::string_view meant_option(std::string_view name, std::string_view value = {});

}  // namespace txt2img::cli

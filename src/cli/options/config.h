// Option values from the configuration file and from the environment.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/option_table.h"

namespace txt2img::cli {

// $XDG_CONFIG_HOME/txt2img/config.toml, or ~/.config/txt2img/config.toml; nothing if it is not there.
std::optional<std::filesystem::path> default_config();

// Keys of a TOML file: the long option names, '_' is as good as '-'. Throws Error: kBadConfig with file and line
// (not TOML, unknown key, a value of the wrong type), kMissingInput, kIo.
std::vector<Assignment> read_config(const std::filesystem::path& path);

// The variables TXT2IMG_<LONG NAME>, in capitals with '_' for '-': TXT2IMG_MODEL, TXT2IMG_BATCH_SIZE. An empty one
// counts as not set.
std::vector<Assignment> read_environment();

// Sentences about variables TXT2IMG_... that set nothing and are called nearly like those that do.
std::vector<std::string> explain_environment();

}  // namespace txt2img::cli

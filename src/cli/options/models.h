// The models within reach.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "txt2img/record.h"

namespace txt2img::cli {

// Every folder with a model.json in model_folders(), in their order, then by name.
std::vector<std::filesystem::path> installed_models();

// The model that drew a picture, for --model: `chosen` (a path, a name, or empty for the bundled one) if it is that,
// else the installed one with the recorded hash, else `chosen`. The name in the record is not trusted to lead anywhere.
std::string find_recorded_model(const Record& record, const std::string& chosen);

}  // namespace txt2img::cli

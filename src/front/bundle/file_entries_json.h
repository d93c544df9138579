// The files of a bundle as model.json lists them, and their names elsewhere in it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "txt2img/bundle.h"
#include "txt2img/json.h"

// All throw Error(kBadData).
namespace txt2img {

std::map<std::string, FileEntry> parse_files(const JsonObject& files);

// The name of a file that 'files' lists.
std::string get_file(const JsonObject& object, std::string_view key, const Bundle& bundle);

}  // namespace txt2img

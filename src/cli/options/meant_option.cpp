#include "options/meant_option.h"

#include <functional>
#include <map>
#include <string>

#include "foreign/names.h"
#include "options/option_table.h"

namespace txt2img::cli {
namespace {

using OwnNames = std::map<std::string, std::string_view, std::less<>>;

OwnNames map_own_names() {
  OwnNames names;
  for (const OptionInfo& option : option_table()) {
    for (const std::string_view flag : flags_of(option)) {
      if (flag.starts_with("--")) names.try_emplace(fold(flag), name_of(option));
    }
  }
  return names;
}

// "Clip skip", "clipSkip".
std::string_view find_own(std::string_view name) {
  static const OwnNames names = map_own_names();
  const auto found = names.find(fold(name));
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace

std::string_view meant_option(std::string_view name, std::string_view value) {
  const ForeignName* const foreign = find_foreign_name(name);
  return foreign == nullptr ? find_own(name) : option_of(*foreign, value);
}

}  // namespace txt2img::cli

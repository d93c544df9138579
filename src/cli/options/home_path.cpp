#include "options/home_path.h"

#include <cstdlib>

namespace txt2img::cli {

std::string expand_home(std::string_view path) {
  const char* const home = std::getenv("HOME");
  const bool is_below_home = path == "~" || path.starts_with("~/");
  if (!is_below_home || home == nullptr || *home == '\0') return std::string(path);
  return home + std::string(path.substr(1));
}

}  // namespace txt2img::cli

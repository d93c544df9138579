#include "levers.h"

#include <cstdlib>
#include <map>
#include <ranges>
#include <string>
#include <string_view>

#include "txt2img/error.h"
#include "utf8.h"

namespace txt2img {
namespace {

using Switches = std::map<std::string_view, bool*>;

[[noreturn]] void refuse(const char* variable, std::string_view name, const Switches& levers) {
  std::string known;
  for (const auto& [lever, is_on] : levers) known += std::string(lever) + ", ";
  throw Error(ExitCode::kBadConfig, std::string(variable) + ": there is no lever '" + escape_for_terminal(name) +
                                        "'; list some of " + known + "or none");
}

// Switches off what the variable does not list.
void read_levers(const char* variable, const Switches& levers) {
  const char* const value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return;
  for (const auto& [lever, is_on] : levers) *is_on = false;
  for (const auto part : std::views::split(std::string_view(value), ',')) {
    const std::string_view name(part.begin(), part.end());
    if (name == "none") continue;
    const auto lever = levers.find(name);
    if (lever == levers.end()) refuse(variable, name, levers);
    *lever->second = true;
  }
}

}  // namespace

CudaLevers cuda_levers() {
  CudaLevers levers;
  read_levers("TXT2IMG_CUDA_LEVERS",
              {{"channels_last", &levers.channels_last}, {"graph", &levers.graph}, {"group_norm", &levers.group_norm}});
  return levers;
}

CpuLevers cpu_levers() {
  CpuLevers levers;
  read_levers("TXT2IMG_CPU_LEVERS",
              {{"attention", &levers.attention}, {"packed", &levers.packed}, {"winograd", &levers.winograd}});
  return levers;
}

}  // namespace txt2img

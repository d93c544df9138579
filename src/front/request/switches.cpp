#include "txt2img/switches.h"

#include <cstdlib>
#include <map>
#include <ranges>
#include <string>
#include <string_view>

#include "txt2img/error.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using Switches = std::map<std::string_view, bool*>;

Switches switches_of(CudaLevers& levers) {
  return {{"channels_last", &levers.channels_last}, {"graph", &levers.graph}, {"group_norm", &levers.group_norm}};
}

Switches switches_of(CpuLevers& levers) {
  return {{"attention", &levers.attention}, {"packed", &levers.packed}, {"winograd", &levers.winograd}};
}

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

// "a,b", in the order of the alphabet.
std::string text_of(const Switches& switches) {
  std::string text;
  for (const auto& [lever, is_on] : switches) {
    if (*is_on) text += (text.empty() ? "" : ",") + std::string(lever);
  }
  return text.empty() ? "none" : text;
}

template <typename Levers>
std::string text_if_changed(Levers levers) {
  Levers defaults;
  const std::string text = text_of(switches_of(levers));
  return text == text_of(switches_of(defaults)) ? "" : text;
}

}  // namespace

CudaLevers cuda_levers() {
  CudaLevers levers;
  read_levers("TXT2IMG_CUDA_LEVERS", switches_of(levers));
  return levers;
}

CpuLevers cpu_levers() {
  CpuLevers levers;
  read_levers("TXT2IMG_CPU_LEVERS", switches_of(levers));
  return levers;
}

std::string changed_levers(std::string_view device) {
  return device == "cpu" ? text_if_changed(cpu_levers()) : text_if_changed(cuda_levers());
}

}  // namespace txt2img

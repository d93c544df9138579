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

using Table = std::map<std::string_view, bool*>;

Table table_of(CudaSwitches& switches) {
  return {{"channels_last", &switches.channels_last}, {"graph", &switches.graph}, {"group_norm", &switches.group_norm}};
}

Table table_of(CpuSwitches& switches) {
  return {{"attention", &switches.attention}, {"packed", &switches.packed}, {"winograd", &switches.winograd}};
}

[[noreturn]] void refuse(const char* variable, std::string_view name, const Table& table) {
  std::string known;
  for (const auto& [name_of_switch, is_on] : table) known += std::string(name_of_switch) + ", ";
  throw Error(ExitCode::kBadConfig, std::string(variable) + ": there is no lever '" + escape_for_terminal(name) +
                                        "'; list some of " + known + "or none");
}

// Switches off what the variable does not list.
void read_list(const char* variable, const Table& table) {
  const char* const value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return;
  for (const auto& [name_of_switch, is_on] : table) *is_on = false;
  for (const auto part : std::views::split(std::string_view(value), ',')) {
    const std::string_view name(part.begin(), part.end());
    if (name == "none") continue;
    const auto found = table.find(name);
    if (found == table.end()) refuse(variable, name, table);
    *found->second = true;
  }
}

// "a,b", in the order of the alphabet.
std::string text_of(const Table& table) {
  std::string text;
  for (const auto& [name_of_switch, is_on] : table) {
    if (*is_on) text += (text.empty() ? "" : ",") + std::string(name_of_switch);
  }
  return text.empty() ? "none" : text;
}

template <typename OfDevice>
std::string text_if_changed(OfDevice switches) {
  OfDevice defaults;
  const std::string text = text_of(table_of(switches));
  return text == text_of(table_of(defaults)) ? "" : text;
}

}  // namespace

Switches read_switches() {
  Switches switches;
  read_list("TXT2IMG_CPU_LEVERS", table_of(switches.cpu));
  read_list("TXT2IMG_CUDA_LEVERS", table_of(switches.cuda));
  return switches;
}

std::string changed_switches(const Switches& switches, std::string_view device) {
  return device == "cpu" ? text_if_changed(switches.cpu) : text_if_changed(switches.cuda);
}

}  // namespace txt2img

#include "options/config.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "foreign/names.h"
#include "options/meant_option.h"
#include "options/option_values.h"
#include "options/typed_value.h"
#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "TXT2IMG_";
constexpr std::uintmax_t kConfigMax = 1 << 20;  // bytes

// Empty counts as not set.
std::optional<std::string> variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string read_text(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) {
    throw Error(ExitCode::kMissingInput, path.string() + ": there is no such configuration file");
  }
  if (fs::is_regular_file(status) && fs::file_size(path, failed) > kConfigMax) {
    throw Error(ExitCode::kBadConfig, path.string() + ": a configuration file has at most 1 MiB");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kConfigMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || fs::is_directory(status)) {
    throw Error(ExitCode::kIo, path.string() + ": the configuration file cannot be read");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string place(const fs::path& path, const toml::source_region& region) {
  return format_text("{}:{}: ", path.string(), region.begin.line);
}

toml::table parse_toml(const fs::path& path) {
  const std::string text = read_text(path);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    throw Error(ExitCode::kBadConfig, path.string() + ":1: this is UTF-16; convert the file to UTF-8");
  try {
    return toml::parse(text, path.string());
  } catch (const toml::parse_error& error) {
    throw Error(ExitCode::kBadConfig, place(path, error.source()) + std::string(error.description()));
  }
}

std::vector<std::string_view> configurable_names() {
  std::vector<std::string_view> names;
  for (const OptionInfo& option : option_table()) {
    if (option.scope == Scope::kEverywhere) names.push_back(name_of(option));
  }
  return names;
}

// TOML's types are JSON's, but for those of time.
nlohmann::json to_json(const toml::node& node) {
  if (const auto* const list = node.as_array()) {
    nlohmann::json values = nlohmann::json::array();
    for (const toml::node& value : *list) values.push_back(to_json(value));
    return values;
  }
  if (const auto* const text = node.as_string()) return text->get();
  if (const auto* const integer = node.as_integer()) return integer->get();
  if (const auto* const real = node.as_floating_point()) return real->get();
  if (const auto* const boolean = node.as_boolean()) return boolean->get();
  return nullptr;
}

std::string_view expected_of(ValueKind kind) { return kind == ValueKind::kText ? "a text in quotes" : expected(kind); }

// Other programs' names first: guidance_scale is not nearly guidance-rescale.
std::string explain_key(std::string_view key) {
  const OptionInfo* const meant = find_option(meant_option(key));
  if (meant != nullptr && meant->scope == Scope::kCommandLine) return "; it is for the command line only";
  if (meant != nullptr) return format_text("; it is called '{}' here", name_of(*meant));
  if (const ForeignName* const foreign = find_foreign_name(key)) return ": " + std::string(foreign->note);
  return suggestion(key, configurable_names());
}

Assignment read_key(const fs::path& path, const toml::key& key, const toml::node& node) {
  const std::string origin = place(path, key.source()) + std::string(key.str());
  const OptionInfo* const option = find_option(key.str());
  if (option == nullptr || option->scope == Scope::kCommandLine) {
    throw Error(ExitCode::kBadConfig, origin + ": not a key of the configuration" + explain_key(key.str()));
  }
  const std::optional<std::string> value = text_of(kind_of(*option), to_json(node));
  if (!value) throw Error(ExitCode::kBadConfig, format_text("{}: must be {}", origin, expected_of(kind_of(*option))));
  return {option, *value, origin, ExitCode::kBadConfig};
}

std::string variable_of(const OptionInfo& option) {
  std::string name(kPrefix);
  for (const char c : name_of(option))
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

bool sets_something(std::string_view variable) {
  if (variable == "TXT2IMG_MODELS") return true;  // where models are looked for
  return std::ranges::any_of(option_table(), [variable](const OptionInfo& option) {
    return option.scope == Scope::kEverywhere && variable_of(option) == variable;
  });
}

}  // namespace

std::optional<fs::path> default_config() {
  fs::path folder;
  if (const auto xdg = variable("XDG_CONFIG_HOME"); xdg && fs::path(*xdg).is_absolute()) {
    folder = *xdg;
  } else if (const auto home = variable("HOME")) {
    folder = fs::path(*home) / ".config";
  } else {
    return std::nullopt;
  }
  fs::path path = folder / "txt2img" / "config.toml";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  return path;
}

std::vector<Assignment> read_config(const fs::path& path) {
  const toml::table table = parse_toml(path);
  std::vector<Assignment> assignments;
  for (auto&& [key, node] : table) assignments.push_back(read_key(path, key, node));
  // As in the environment: in the order of the option table, where the more special option comes later (size, width).
  std::ranges::stable_sort(assignments, {}, &Assignment::option);
  const auto twice = std::ranges::adjacent_find(assignments, {}, &Assignment::option);
  if (twice != assignments.end()) {
    throw Error(ExitCode::kBadConfig, std::next(twice)->origin + ": says the same as " + twice->origin);
  }
  return assignments;
}

std::vector<Assignment> read_environment() {
  std::vector<Assignment> assignments;
  for (const OptionInfo& option : option_table()) {
    if (option.scope == Scope::kCommandLine) continue;
    const std::string name = variable_of(option);
    if (const auto value = variable(name)) assignments.push_back({&option, *value, name, ExitCode::kBadConfig});
  }
  return assignments;
}

std::vector<std::string> explain_environment() {
  std::vector<std::string> sentences;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with(kPrefix) || name.size() + 1 >= text.size() || sets_something(name)) continue;
    const std::string why = explain_key(lower_case(name.substr(kPrefix.size())));
    if (!why.empty()) sentences.push_back(std::string(name).append(" sets nothing").append(why));
  }
  return sentences;
}

}  // namespace txt2img::cli

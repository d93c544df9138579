// The table of all options: it feeds the parser, --help, the configuration file and the environment.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "options/options.h"
#include "txt2img/error.h"

namespace txt2img::cli {

enum class ValueKind {
  kSwitch,   // no value on the command line; true or false elsewhere
  kBoolean,  // true or false everywhere
  kInteger,
  kReal,
  kReals,  // with commas between them
  kSeed,   // a whole number or "random"
  kSize,   // 640x480
  kPlace,  // TOP,LEFT
  kText,
  kOptionalText,  // the value may be left out
};

// Where an option may be given: those that say what to do once have no place in a configuration.
enum class Scope { kEverywhere, kCommandLine };

enum class Group { kPicture, kModel, kSampling, kSampler, kMachine, kOutput, kOther };

struct OptionInfo {
  std::string_view flags;  // "-s,--seed": the first long one is its name in the configuration
  std::string_view value;  // as --help shows it; "|" if it is one of `choices`
  ValueKind own_kind{};    // not of a setting, see kind_of()
  Scope scope{};
  Group group{};
  std::string_view summary;
  // Throws Error(kUsage) that says what is wrong with the text. Null: the option is a setting of a picture, of its
  // name.
  void (*set)(Options& options, std::string_view text) = nullptr;
  std::span<const std::string_view> choices = {};
  // Instead of `set`: asks for something of pictures that is not one setting.
  void (*ask)(Request& request, std::string_view text) = nullptr;
};

// A setting of a picture: all else is known by the table of settings.
constexpr OptionInfo setting(std::string_view flags, std::string_view value, Group group, std::string_view summary) {
  return {.flags = flags, .value = value, .scope = Scope::kEverywhere, .group = group, .summary = summary};
}

constexpr OptionInfo asking(std::string_view flags, std::string_view value, ValueKind kind, Group group,
                            std::string_view summary, void (*ask)(Request& request, std::string_view text)) {
  return {.flags = flags,
          .value = value,
          .own_kind = kind,
          .scope = Scope::kEverywhere,
          .group = group,
          .summary = summary,
          .ask = ask};
}

std::span<const OptionInfo> option_table();

std::string_view title(Group group);

// "seed" for "-s,--seed".
std::string_view name_of(const OptionInfo& option);

// All of "-s", "--seed".
std::vector<std::string_view> flags_of(const OptionInfo& option);

// The option of that long name, null if there is none; '_' is read as '-'.
const OptionInfo* find_option(std::string_view name);

ValueKind kind_of(const OptionInfo& option);

// A value for an option, and who said so.
struct Assignment {
  const OptionInfo* option = nullptr;
  std::string value;
  std::string origin;  // "--seed", "config.toml:3: seed", "TXT2IMG_SEED"
  ExitCode code{};     // if the value is wrong
};

// Throws Error(assignment.code) that begins with the origin.
void apply(const Assignment& assignment, Options& options);
// The same of a row of a prompt file, which has options that say something of pictures only.
void apply(const Assignment& assignment, Request& request);

// In their order, but samplers before all others: "DPM++ 2M Karras" names a schedule too, and one that is given by
// itself counts, wherever it stands.
std::vector<Assignment> samplers_first(std::vector<Assignment> assignments);
void apply_all(std::vector<Assignment> assignments, Options& options);
void apply_all(std::vector<Assignment> assignments, Request& request);

}  // namespace txt2img::cli

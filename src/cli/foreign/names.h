// What other programs call the options of this one: AUTOMATIC1111's web UI and API, ComfyUI, Fooocus, InvokeAI,
// diffusers, stable-diffusion.cpp, the scripts of CompVis, the columns of DiffusionDB, Midjourney.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace txt2img::cli {

enum class ForeignKind {
  kOption,    // the same as an option of ours
  kFactor,    // the pictures of a prompt are the product of these
  kMissing,   // makes other pictures there; there is nothing like it here
  kFollower,  // says more about something that is missing, and nothing without it
};

struct ForeignName {
  std::string_view name;  // as the other program writes it
  ForeignKind kind{};
  std::string_view option;     // kOption, kFactor: the long name of ours
  std::string_view note{};     // else what it is, and what to do instead
  std::string_view nothing{};  // a value that asks for nothing, besides those that do so everywhere
};

std::span<const ForeignName> foreign_names();

// Without case, blanks, '-' and '_', which do not matter in a name.
std::string fold(std::string_view name);

// Null: no program that we know has it.
const ForeignName* find_foreign_name(std::string_view name);

// Switches of one letter as InvokeAI's command line had them, where case matters.
const ForeignName* find_foreign_letter(char letter);

// Whether the value names a sampler, as this or another program calls it.
bool is_sampler_name(std::string_view value);

// The long name of the option that it stands for; empty: none. A value of "scheduler" may be a sampler: diffusers and
// InvokeAI call it so.
std::string_view option_of(const ForeignName& name, std::string_view value);

// The value as an option of ours has it: -1 as a seed is random, "(1152, 896)" as a size 1152x896, a clip skip of -2
// is 2.
std::string meant_value(std::string_view option, std::string_view value);

// Whether the value of something that is missing asks for nothing: "", 0, -1, false, null, none, [], {}, or its own.
bool asks_for_nothing(const ForeignName& name, std::string_view value);

}  // namespace txt2img::cli

// How the text of an option becomes a value of Options: the verbs of the table's rows.
#pragma once

#include <optional>
#include <string_view>

#include "options/option_values.h"
#include "options/options.h"

// All throw Error(kUsage) that says what is wrong with the text.
namespace txt2img::cli {

template <auto Field, const auto* kChoices>
void set_choice(Options& options, std::string_view text) {
  options.*Field = parse_choice(text, *kChoices);
}

template <auto Field>
void set_switch(Options& options, std::string_view text) {
  options.*Field = parse_switch(text);
}

// "auto" is empty.
template <auto Field>
void set_precision(Options& options, std::string_view text) {
  options.engine.*Field = text == "auto" ? std::nullopt : std::optional(parse_precision(text));
}

template <Verbosity kVerbosity>
void set_verbosity(Options& options, std::string_view text) {
  options.verbosity = parse_switch(text) ? kVerbosity : Verbosity::kNormal;
}

template <OnFailure kOnFailure>
void set_on_failure(Options& options, std::string_view text) {
  if (parse_switch(text)) options.on_failure = kOnFailure;
}

// Of two different things to do neither is done.
void choose_action(Options& options, Action action);

template <Action kAction>
void choose(Options& options, std::string_view text) {
  if (parse_switch(text)) choose_action(options, kAction);
}

template <Action kAction>
void choose_with_subject(Options& options, std::string_view text) {
  choose_action(options, kAction);
  options.subject = text;
}

void set_output(Options& options, std::string_view text);

// Of --device and --devices the last one counts.
void set_device(Options& options, std::string_view text);
void set_devices(Options& options, std::string_view text);

}  // namespace txt2img::cli

// What somebody asks for, and what it comes to with a given bundle.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/limits.h"
#include "txt2img/settings.h"

namespace txt2img {

// What is asked for of the table's settings.
class TXT2IMG_API Request {
 public:
  int count = 1;  // pictures, with the seeds s, s+1, ...

  // Asks for a value: ask(&Settings::steps, 20), ask(&SamplerOptions::eta, 0.5).
  template <class Part, class Value>
  Request& ask(Value Part::* member, std::type_identity_t<Value> value) {
    const std::size_t row = number_of(member);
    at(settings_, member) = std::move(value);
    asked_.set(row);
    by_label_.reset(row);
    return *this;
  }
  // Asks for an option of a sampler. Throws as set_option() does.
  void ask_option(const SamplerOptionInfo& info, std::string_view text);
  // Asks for a sampler by what its label says. What an earlier label said besides the sampler is taken back.
  void ask_sampler(const SamplerChoice& choice);
  // For every setting, as the record of a picture does.
  void ask_all(const Settings& settings);
  // For the options of samplers as they are, but for the lists, also at their default: the bundle's do not count then.
  void ask_options(const SamplerOptions& options);

  // Takes it back: the bundle's default counts again.
  void forget(const SettingMember& member);
  void forget_options();

  [[nodiscard]] bool asks(const SettingMember& member) const { return asked_.test(number_of(member)); }
  // What was asked for; the rest is at its default.
  [[nodiscard]] const Settings& settings() const { return settings_; }
  // The rest as the bundle says; the seed is 0 where none was asked for.
  [[nodiscard]] Settings with_defaults(const Bundle& bundle) const;

  bool operator==(const Request&) const = default;

 private:
  Settings settings_{};
  std::bitset<kSettingsMax> asked_{};     // rows of the table
  std::bitset<kSettingsMax> by_label_{};  // those of them that only the label of the sampler asks for
};

// Settings of the first picture. Checks every range, and what the bundle can do (sizes, clip skip, guidance, sampler
// with schedule). Both prompts have to be UTF-8 and, as JSON, at most a million bytes: the record of a picture holds
// them. The bundle's schedule becomes kModel where it does not go with a sampler that was asked for.
// Throws Error(kUsage) that says which value, the range and what to do.
TXT2IMG_API Settings settle(const Request& request, const Bundle& bundle);

// The part of settle() that differs from prompt to prompt: texts, count, and the seeds of that many pictures.
// Throws Error(kUsage).
TXT2IMG_API void check_pictures(const Settings& settings, int count);

// Random, for that many pictures: the seed of a run that was given none.
TXT2IMG_API std::uint64_t draw_seed(int count);

}  // namespace txt2img

#include "options/repeats.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "options/option_values.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/names.h"

namespace txt2img::cli {
namespace {

constexpr auto kAddUp = std::to_array<std::string_view>({"prompt", "file", "column"});
constexpr auto kOnce =
    std::to_array<std::string_view>({"negative", "seed", "from", "model", "output", "shard", "contact-sheet", "gallery",
                                     "config", "verify", "show", "list", "check"});

struct Said {
  std::string option;  // "--size"
  std::string value;
};
using Saying = std::pair<std::string, Said>;  // about what

// A label may name the sampler's schedule too.
std::vector<Saying> sayings_of_sampler(const std::string& label) {
  const SamplerChoice choice = parse_sampler(label);
  std::vector<Saying> sayings{{"sampler", {"--sampler", label}}};
  if (choice.schedule) sayings.emplace_back("schedule", Said{"--sampler", std::string(info(*choice.schedule).name)});
  return sayings;
}

// A size is about two things.
std::vector<Saying> sayings_of(const Assignment& flag) {
  const std::string name(name_of(*flag.option));
  const Said said{.option = "--" + name, .value = flag.value};
  try {
    if (name == "size") {
      const PixelPair size = parse_size(flag.value);
      return {{"width", {said.option, std::to_string(size.first)}},
              {"height", {said.option, std::to_string(size.second)}}};
    }
    if (name == "sampler") return sayings_of_sampler(flag.value);
    if (name == "schedule") return {{name, {said.option, std::string(info(parse_schedule(flag.value)).name)}}};
  } catch (const Error&) {
    return {};  // said where it is applied
  }
  if (name == "keep-going" || name == "fail-fast") return {{"failure", {said.option, name + "=" + flag.value}}};
  if (name == "device" || name == "devices") return {{"devices", said}};
  return {{name, said}};
}

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

std::string shown(const std::string& value) { return value.empty() ? "''" : value; }

std::string sentence(const Said& old, const Said& now) {
  const std::string options = old.option == now.option ? now.option + " is given twice"
                                                       : format_text("{} and {} differ", old.option, now.option);
  return format_text("{}: {} counts, not {}", options, shown(now.value), shown(old.value));
}

}  // namespace

std::vector<std::string> check_repeats(const std::vector<Assignment>& flags) {
  std::map<std::string, Said> last;
  std::vector<std::string> sentences;
  for (const Assignment& flag : samplers_first(flags)) {
    if (is_one_of(name_of(*flag.option), kAddUp)) continue;
    for (const auto& [subject, said] : sayings_of(flag)) {
      const auto [old, is_first] = last.try_emplace(subject, said);
      if (is_first || old->second.value == said.value) continue;
      if (is_one_of(subject, kOnce)) {
        throw Error(ExitCode::kUsage,
                    format_text("{} is given twice, with {} and {}; give one (defaults belong into the configuration)",
                                said.option, shown(old->second.value), shown(said.value)));
      }
      sentences.push_back(sentence(old->second, said));
      old->second = said;
    }
  }
  return sentences;
}

}  // namespace txt2img::cli

#include "plan/follow.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "foreign/infotext.h"
#include "options/option_table.h"
#include "prompts/prompts.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/request.h"

namespace txt2img::cli {
namespace {

// An option that was given, or what it says besides.
bool is_given(std::span<const std::string_view> given, std::string_view option) {
  constexpr auto kBesides = std::to_array<std::pair<std::string_view, std::string_view>>({{"width", "size"},
                                                                                          {"height", "size"},
                                                                                          {"solver-type", "sampler"},
                                                                                          {"solver-order", "sampler"},
                                                                                          {"eta", "sampler"}});
  const auto has = [given](std::string_view name) { return std::ranges::find(given, name) != given.end(); };
  return has(option) ||
         std::ranges::any_of(kBesides, [&](const auto& row) { return row.first == option && has(row.second); });
}

void try_out(Request request, const Bundle& bundle) {
  if (!request.asks(&Settings::seed)) request.ask(&Settings::seed, 0);
  (void)settle(request, bundle);
}

bool can_be_drawn(const Request& request, const Bundle& bundle) {
  try {
    try_out(request, bundle);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// What goes with a schedule or an option depends on the sampler.
std::vector<foreign::Setting> sampler_first(std::vector<foreign::Setting> settings) {
  std::ranges::stable_partition(settings, [](const foreign::Setting& row) { return row.option == "sampler"; });
  return settings;
}

void take_over(const foreign::Request& request, const std::string& what, RunOptions& options, Console& console) {
  console.warning(what + ": " + introduction(request));
  const Bundle bundle = read_bundle(find_bundle(options.model));
  for (const std::string& note : follow(request, options.origin.given, bundle, options.request))
    console.warning(std::string(what).append(": ").append(note));
}

void take_over_prompt(RunOptions& options, Console& console) {
  const auto is_infotext = [](const std::string& prompt) { return foreign::parse_infotext(prompt).has_value(); };
  const auto found = std::ranges::find_if(options.source.prompts, is_infotext);
  if (found == options.source.prompts.end()) return;
  if (options.source.prompts.size() > 1) {
    throw Error(ExitCode::kUsage,
                "a prompt with lines of settings, as AUTOMATIC1111 writes them, goes alone; put several into a file "
                "with blank lines between them, and give it with --file");
  }
  const std::optional<foreign::Request> request = foreign::parse_infotext(*found);
  if (!request || request->prompt.empty())
    throw Error(ExitCode::kUsage, "the text has settings as AUTOMATIC1111 writes them, but no prompt before them");
  *found = request->prompt;
  take_over(*request, "the prompt", options, console);
}

// Width and height go together.
void take_back_size(const Request& start, Request& asked) {
  for (const auto member : {&Settings::width, &Settings::height}) {
    asked.forget(member);
    if (start.asks(member)) asked.ask(member, start.settings().*member);
  }
}

}  // namespace

std::string introduction(const foreign::Request& request) {
  const std::string rest = foreign::list_of_rest(request);
  return format_text("drawn as far as the settings of {} are known here{}", request.program,
                     rest.empty() ? "" : "; not followed: " + rest);
}

std::vector<std::string> follow(const foreign::Request& request, std::span<const std::string_view> given,
                                const Bundle& bundle, Request& asked) {
  std::vector<std::string> notes;
  const Request start = asked;
  const bool is_tried = can_be_drawn(start, bundle);  // else it is not the settings' fault
  bool has_size = true;
  for (const foreign::Setting& setting : sampler_first(request.settings)) {
    if (is_given(given, setting.option)) continue;
    Request next = asked;
    try {
      apply({find_option(setting.option), setting.value, setting.origin, ExitCode::kBadData}, next);
      if (is_tried) try_out(next, bundle);
      asked = std::move(next);
    } catch (const Error& error) {
      has_size = has_size && setting.option != "width" && setting.option != "height";
      const std::string place = setting.origin + ": ";
      const std::string_view reason = error.what();
      notes.push_back(format_text("{} {} is not followed: {}", setting.origin, setting.value,
                                  reason.starts_with(place) ? reason.substr(place.size()) : reason));
    }
  }
  if (!has_size) take_back_size(start, asked);
  return notes;
}

void take_over_foreign_texts(RunOptions& options, Console& console) {
  options.source.prompts = read_prompts(options.source.prompts);
  if (options.origin.foreign && options.origin.from) {
    const std::string picture = options.origin.from->string();
    if (options.origin.foreign->prompt.empty() && options.source.prompts.size() == 1 &&
        options.source.prompts[0].empty())
      console.warning(picture + ": there is no prompt in it; it is drawn without one, unless you give one");
    take_over(foreign::Request(*options.origin.foreign), picture, options, console);
  }
  take_over_prompt(options, console);
}

}  // namespace txt2img::cli

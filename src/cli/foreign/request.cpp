#include "foreign/request.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "foreign/names.h"
#include "foreign/setting_names.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/names.h"
#include "txt2img/utf8.h"

namespace txt2img::cli::foreign {
namespace {

constexpr std::size_t kShownMax = 24;   // things in one line
constexpr std::size_t kRestMax = 1000;  // things of a text that is no picture's any more
constexpr std::size_t kLengthMax = 60;  // bytes of one of them

std::string shortened(const std::string& text) {
  if (text.size() <= kLengthMax) return text;
  return replace_invalid_utf8(text.substr(0, kLengthMax)) + "...";
}

// A model that is named, one that is stored with what draws nothing here, or a key that nobody knows.
Effect effect_of(std::string_view key, std::string_view option, std::string_view value) {
  if (option == "model") return Effect::kSome;
  if (!option.empty()) return Effect::kNone;
  const ForeignName* const name = find_foreign_name(key);
  const bool is_follower = name != nullptr && name->kind == ForeignKind::kFollower;
  constexpr ForeignName kUnknown{.name = "", .kind = ForeignKind::kMissing, .option = ""};
  return is_follower || asks_for_nothing(name == nullptr ? kUnknown : *name, value) ? Effect::kNone : Effect::kSome;
}

}  // namespace

void take(Request& request, std::string_view key, const std::string& value) {
  if (request.rest.size() == kRestMax) add_leftover(request, "further settings", "left out");
  if (request.rest.size() > kRestMax) return;
  const std::string_view option = find_option_of(key, value);
  if (option == "prompt" && request.prompt.empty())
    request.prompt = value;
  else if (option == "sampler")
    add_sampler(request, value, std::string(key));
  else if (is_of_picture(option))
    add(request, {option, meant_value(option, value), std::string(key)});
  else
    request.rest.push_back({.name = std::string(key), .value = value, .effect = effect_of(key, option, value)});
}

void add_idle(Request& request, std::string_view name, std::string value) {
  request.rest.push_back({.name = std::string(name), .value = std::move(value), .effect = Effect::kNone});
}

void add_leftover(Request& request, std::string_view name, std::string value) {
  request.rest.push_back({.name = std::string(name), .value = std::move(value)});
}

bool has(const Request& request, std::string_view option) {
  return std::ranges::find(request.settings, option, &Setting::option) != request.settings.end();
}

void add(Request& request, Setting setting) {
  const std::size_t cross = setting.value.find('x');
  if (setting.option == "size" && cross != std::string::npos) {
    add(request, {"width", setting.value.substr(0, cross), setting.origin});
    setting = {"height", setting.value.substr(cross + 1), std::move(setting.origin)};
  }
  if (has(request, setting.option))
    add_leftover(request, setting.origin, std::move(setting.value));
  else
    request.settings.push_back(std::move(setting));
}

void add_sampler(Request& request, const std::string& label, const std::string& origin) {
  try {
    const SamplerChoice choice = parse_sampler(label);
    add(request, {"sampler", std::string(info(choice.sampler).name), origin});
    if (choice.schedule) add(request, {"schedule", std::string(info(*choice.schedule).name), origin});
    if (choice.solver_type) add(request, {"solver-type", std::string(name_of(*choice.solver_type)), origin});
    if (choice.solver_order) add(request, {"solver-order", std::to_string(*choice.solver_order), origin});
  } catch (const Error&) {
    add(request, {"sampler", label, origin});
  }
}

std::string list_of_rest(const Request& request) {
  std::string list;
  std::size_t count = 0;
  for (const Leftover& leftover : request.rest) {
    if (leftover.effect == Effect::kNone || ++count > kShownMax) continue;
    list += (list.empty() ? "" : ", ") + shortened(leftover.name);
    if (!leftover.value.empty()) list += " " + shortened(leftover.value);
  }
  if (count > kShownMax) list += format_text(" and {} more", count - kShownMax);
  return list;
}

}  // namespace txt2img::cli::foreign

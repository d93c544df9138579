#include "prompts/prompt_row.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "foreign/names.h"
#include "options/meant_option.h"
#include "options/option_values.h"
#include "options/prompt_keys.h"
#include "options/typed_value.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;

std::string describe(const json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  return value.is_array() ? "a list" : value.dump();
}

bool is_factor(std::string_view key) {
  const ForeignName* const foreign = find_foreign_name(key);
  return foreign != nullptr && foreign->kind == ForeignKind::kFactor;
}

bool is_same_name(std::string_view a, std::string_view b) { return find_foreign_name(a) == find_foreign_name(b); }

std::string product_of(const Assignment& old, std::string_view key, std::string_view value) {
  const auto factor = [](std::string_view text, std::string_view name) -> std::int64_t {
    try {
      return parse_integer(text, 1, kCountMax);
    } catch (const Error& error) {
      throw Error(ExitCode::kBadData, format_text("{}: {}", name, error.what()));
    }
  };
  return std::to_string(factor(old.value, old.origin) * factor(value, key));
}

// A switch of one letter is one of InvokeAI's.
const ForeignName* find_foreign(std::string_view key) {
  const bool is_letter = key.size() == 2 && key[0] == '-';
  return is_letter ? find_foreign_letter(key[1]) : find_foreign_name(key);
}

// What belongs to a run and not to a line, what other programs have, or what may be a slip.
std::string explain_extra(std::string_view key) {
  const std::string_view option = meant_option(key);
  if (!option.empty() && find_option(option) != nullptr)
    return format_text("is for the whole run; give --{} on the command line", option);
  if (const ForeignName* const foreign = find_foreign(key)) return "cannot be followed: " + std::string(foreign->note);
  return {};
}

[[noreturn]] void refuse_extra(std::string_view key, std::string_view kind) {
  const std::string why = explain_extra(key);
  const std::string remedy = " (--extra-keys pass lets it through)";
  if (!why.empty()) throw Error(ExitCode::kBadData, format_text("the {} {} {}{}", kind, quote(key), why, remedy));
  throw Error(ExitCode::kBadData,
              format_text("unknown {} {}{}{}", kind, quote(key), suggestion(key, prompt_keys()), remedy));
}

}  // namespace

std::string setting_text(const OptionInfo& option, const json& value) {
  if (std::optional<std::string> text = text_of(kind_of(option), value)) return std::move(*text);
  throw Error(ExitCode::kBadData,
              format_text("{} is {}, must be {}{}", with_underscores(name_of(option)), describe(value),
                          expected(kind_of(option)), value.is_null() ? "; leave the key out for the default" : ""));
}

void add_setting(PromptRow& row, const OptionInfo& option, std::string_view key, std::string_view value) {
  const auto old = std::ranges::find(row.settings, &option, &Assignment::option);
  if (old == row.settings.end()) {
    row.settings.push_back({&option, meant_value(name_of(option), value), std::string(key), ExitCode::kBadData});
  } else if (is_factor(key) && is_factor(old->origin) && !is_same_name(key, old->origin)) {
    old->value = product_of(*old, key, value);
    old->origin += " x " + std::string(key);
  } else {
    throw Error(ExitCode::kBadData, format_text("{} says the same as {}; leave one out", key, old->origin));
  }
}

bool passes_on(std::string_view key, std::string_view value, std::string_view kind, const RowSource& source) {
  if (source.extra_keys == ExtraKeys::kPass) return true;
  const ForeignName* const foreign = find_foreign(key);
  const bool is_missing = foreign != nullptr && foreign->option.empty();
  if (is_missing && (foreign->kind == ForeignKind::kFollower || asks_for_nothing(*foreign, value))) return false;
  refuse_extra(key, kind);
}

void check_extra_column(std::string_view column, const RowSource& source) {
  if (source.extra_keys == ExtraKeys::kPass) return;
  const ForeignName* const foreign = find_foreign_name(column);
  if (foreign == nullptr || !foreign->option.empty()) refuse_extra(column, "column");
}

}  // namespace txt2img::cli

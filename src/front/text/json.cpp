#include "txt2img/json.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "txt2img/error.h"
#include "txt2img/exact_integer.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/nearest_name.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

using nlohmann::json;

// A value in a message: in full if it is short, else what kind of thing it is.
std::string describe(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  return value.dump();
}

bool is_word(std::string_view key) {
  return !key.empty() &&
         std::ranges::all_of(key, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

bool is_inside(double value, const NumberRange& range) {
  return range.is_open ? value > range.min && value < range.max : value >= range.min && value <= range.max;
}

// A whole number, written as one.
bool is_inside(const json& value, std::int64_t min, std::int64_t max) {
  if (!value.is_number_integer()) return false;
  const std::optional<std::int64_t> number = value.is_number_unsigned()
                                                 ? exact_integer<std::int64_t>(value.get<std::uint64_t>())
                                                 : std::optional(value.get<std::int64_t>());
  return number && *number >= min && *number <= max;
}

std::string to_text(const NumberRange& range) {
  return format_text("from {} to {}{}", to_shortest_text(range.min), to_shortest_text(range.max),
                     range.is_open ? ", both excluded" : "");
}

}  // namespace

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  const bool is_cut = text.size() > kLongest;
  std::string shown(text.substr(0, kLongest));
  while (is_cut && !shown.empty() && (shown.back() & 0xC0) == 0x80) shown.pop_back();  // within a UTF-8 sequence
  if (is_cut && !shown.empty() && (shown.back() & 0x80) != 0) shown.pop_back();        // its first byte
  return json(shown + (is_cut ? "..." : "")).dump(-1, ' ', false, json::error_handler_t::replace);
}

JsonObject::JsonObject(const json& value, const JsonSource& source, std::string path)
    : value_(&value), source_(&source), path_(std::move(path)) {
  if (value.is_object()) return;
  throw Error(ExitCode::kBadData, format_text("{}: {}is {}, must be an object; {}", source.name,
                                              path_.empty() ? "" : path_ + " ", describe(value), source.remedy));
}

std::string JsonObject::path_of(std::string_view key) const {
  if (!is_word(key)) return format_text("{}[{}]", path_, quote(key));
  return path_.empty() ? std::string(key) : format_text("{}.{}", path_, key);
}

void JsonObject::fail(std::string_view key, const std::string& problem) const {
  throw Error(ExitCode::kBadData, format_text("{}: {} {}; {}", source_->name, path_of(key), problem, source_->remedy));
}

void JsonObject::allow_only(std::span<const std::string_view> keys) const {
  for (const auto& [key, value] : value_->items()) {
    if (std::ranges::find(keys, key) != keys.end()) continue;
    const std::string near = nearest_name(key, keys);
    fail(key, "is not a known key" + (near.empty() ? "" : ", did you mean " + near + "?"));
  }
}

bool JsonObject::has(std::string_view key) const { return value_->contains(key); }

bool JsonObject::is_null(std::string_view key) const { return has(key) && at(key).is_null(); }

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : value_->items()) keys.push_back(key);
  return keys;
}

const json& JsonObject::at(std::string_view key) const {
  const auto found = value_->find(key);
  if (found == value_->end()) fail(key, "is missing");
  return *found;
}

const json& JsonObject::list_at(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_array()) fail(key, "is " + describe(value) + ", must be a list");
  return value;
}

bool JsonObject::get_bool(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_boolean()) fail(key, "is " + describe(value) + ", must be true or false");
  return value.get<bool>();
}

std::int64_t JsonObject::get_int64(std::string_view key, std::int64_t min, std::int64_t max) const {
  const json& value = at(key);
  if (is_inside(value, min, max)) return value.get<std::int64_t>();
  fail(key, format_text("is {}, must be a whole number from {} to {}", describe(value), min, max));
}

std::vector<std::int64_t> JsonObject::get_integers(std::string_view key, std::int64_t min, std::int64_t max) const {
  std::vector<std::int64_t> numbers;
  for (const json& value : list_at(key)) {
    if (!is_inside(value, min, max)) {
      fail(key, format_text("has the entry {}, all must be whole numbers from {} to {}", describe(value), min, max));
    }
    numbers.push_back(value.get<std::int64_t>());
  }
  return numbers;
}

std::uint64_t JsonObject::get_uint64(std::string_view key, std::uint64_t min, std::uint64_t max) const {
  const json& value = at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < min || value.get<std::uint64_t>() > max) {
    fail(key, format_text("is {}, must be a whole number from {} to {}", describe(value), min, max));
  }
  return value.get<std::uint64_t>();
}

double JsonObject::get_number(std::string_view key, const NumberRange& range) const {
  const json& value = at(key);
  if (!value.is_number() || !is_inside(value.get<double>(), range)) {
    fail(key, format_text("is {}, must be a number {}", describe(value), to_text(range)));
  }
  return value.get<double>() + 0.0;  // -0 becomes 0: one value, one spelling in records and job keys
}

std::string JsonObject::get_string(std::string_view key) const {
  const json& value = at(key);
  if (!value.is_string()) fail(key, "is " + describe(value) + ", must be a text");
  return value.get<std::string>();
}

std::size_t JsonObject::get_choice(std::string_view key, std::span<const std::string_view> names) const {
  const std::string label = get_string(key);
  const auto found = std::ranges::find(names, label);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  fail(key, format_text("is {}, must be one of {}", quote(label), joined(names)));
}

JsonObject JsonObject::get_object(std::string_view key) const { return {at(key), *source_, path_of(key)}; }

std::vector<double> JsonObject::get_numbers(std::string_view key, const NumberRange& range) const {
  std::vector<double> numbers;
  for (const json& value : list_at(key)) {
    if (!value.is_number() || !is_inside(value.get<double>(), range)) {
      fail(key, format_text("has the entry {}, all must be numbers {}", describe(value), to_text(range)));
    }
    numbers.push_back(value.get<double>() + 0.0);
  }
  return numbers;
}

std::vector<std::string> JsonObject::get_strings(std::string_view key) const {
  std::vector<std::string> strings;
  for (const json& value : list_at(key)) {
    if (!value.is_string()) fail(key, "has the entry " + describe(value) + ", all must be texts");
    strings.push_back(value.get<std::string>());
  }
  return strings;
}

std::vector<JsonObject> JsonObject::get_objects(std::string_view key) const {
  std::vector<JsonObject> objects;
  for (const json& value : list_at(key)) {
    objects.emplace_back(value, *source_, format_text("{}[{}]", path_of(key), objects.size()));
  }
  return objects;
}

}  // namespace txt2img

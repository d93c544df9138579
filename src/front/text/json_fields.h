// Objects of JSON read by one list of their keys: what the list has is read, and what it does not have is refused.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "txt2img/json.h"

namespace txt2img {

enum class Presence { kRequired, kOptional };

// A key of an object, and what is done with its value.
struct JsonField {
  std::string_view key;
  std::function<void(const JsonObject&, std::string_view)> read;
  Presence presence = Presence::kRequired;
};

// Refuses keys that are not in the list, with the nearest of those that are, then reads the list from its first field
// to its last. Throws Error(kBadData).
void read_fields(const JsonObject& object, std::span<const JsonField> fields);
inline void read_fields(const JsonObject& object, std::initializer_list<JsonField> fields) {
  read_fields(object, std::span(fields.begin(), fields.size()));
}

template <class Rule>
concept JsonReader = std::invocable<const Rule&, const JsonObject&, std::string_view>;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// The value of a key as a T. The rule is what JsonObject's getter for such a value takes: a range of numbers, the
// smallest and the largest integer, the names of an enum in its order; or a function of the object and the key.
template <class T, class... Rule>
T get_value(const JsonObject& object, std::string_view key, const Rule&... rule) {
  if constexpr (sizeof...(Rule) == 1 && (JsonReader<Rule> && ...))
    return (rule(object, key), ...);
  else if constexpr (IsOptional<T>::value)
    return get_value<typename T::value_type>(object, key, rule...);
  else if constexpr (std::is_same_v<T, bool>)
    return object.get_bool(key);
  else if constexpr (std::is_same_v<T, std::string>)
    return object.get_string(key);
  else if constexpr (std::is_same_v<T, double>)
    return object.get_number(key, rule...);
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return object.get_numbers(key, rule...);
  else if constexpr (std::is_enum_v<T>)
    return static_cast<T>(object.get_choice(key, rule...));
  else
    return object.get_integer<T>(key, static_cast<T>(rule)...);
}

// A key that has to be there. `target` has to live until the list was read.
template <class T, class... Rule>
JsonField required(std::string_view key, T& target, Rule... rule) {
  return {key, [&target, ... rule = std::move(rule)](const JsonObject& object, std::string_view name) {
            target = get_value<T>(object, name, rule...);
          }};
}

// A key that need not be there: `target` then stays as it is.
template <class T, class... Rule>
JsonField optional(std::string_view key, T& target, Rule... rule) {
  JsonField field = required(key, target, std::move(rule)...);
  field.presence = Presence::kOptional;
  return field;
}

// For required() and optional(): `read` with arguments of its own, which have to live until the list was read.
template <class Read, class... More>
auto with(Read read, const More&... more) {
  return [read, &more...](const JsonObject& object, std::string_view key) { return read(object, key, more...); };
}

// For required() and optional(): the object at a key, as `parse` makes it of that and of `more`.
template <class Parse, class... More>
auto object_by(Parse parse, const More&... more) {
  return [parse, &more...](const JsonObject& object, std::string_view key) {
    return parse(object.get_object(key), more...);
  };
}

}  // namespace txt2img

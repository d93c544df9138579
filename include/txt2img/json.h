// JSON that came from outside, read with limits, strict types and ranges: every failure names the file and the key.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "txt2img/export.h"

namespace txt2img {

// How messages begin and end: "models/x/model.json", "export the model again".
struct JsonSource {
  std::string name;
  std::string remedy;
};

inline constexpr int kJsonDepthMax = 32;  // objects and lists within each other

// Strict JSON (RFC 8259): UTF-8, one value and nothing after it, no duplicate keys, no number that a double cannot
// hold. Throws Error(kBadData).
TXT2IMG_API nlohmann::json parse_json(std::string_view text, const JsonSource& source, std::size_t max_bytes);

struct NumberRange {
  double min = 0;
  double max = 0;
  bool is_open = false;  // the ends themselves are outside
};

// An object at some place of a document. Getters throw Error(kBadData) if the key is missing or its value is of another
// type or outside the range. Looks into the value and the source it was made with, which have to live on.
class TXT2IMG_API JsonObject {
 public:
  JsonObject(const nlohmann::json& value, const JsonSource& source, std::string path = {});
  JsonObject(nlohmann::json&&, const JsonSource&, std::string = {}) = delete;

  // Refuses every other key, with the nearest of these.
  void allow_only(std::span<const std::string_view> keys) const;
  void allow_only(std::initializer_list<std::string_view> keys) const { allow_only({keys.begin(), keys.size()}); }

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] bool is_null(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> keys() const;

  [[nodiscard]] bool get_bool(std::string_view key) const;
  [[nodiscard]] double get_number(std::string_view key, const NumberRange& range) const;
  [[nodiscard]] std::string get_string(std::string_view key) const;
  [[nodiscard]] JsonObject get_object(std::string_view key) const;
  [[nodiscard]] std::vector<double> get_numbers(std::string_view key, const NumberRange& range) const;
  [[nodiscard]] std::vector<std::int64_t> get_integers(std::string_view key, std::int64_t min, std::int64_t max) const;
  [[nodiscard]] std::vector<std::string> get_strings(std::string_view key) const;
  [[nodiscard]] std::vector<JsonObject> get_objects(std::string_view key) const;

  // The place of a text among `names`.
  [[nodiscard]] std::size_t get_choice(std::string_view key, std::span<const std::string_view> names) const;

  // 7 is an integer; 7.0, 7e0 and "7" are not.
  template <std::integral T>
  [[nodiscard]] T get_integer(std::string_view key, T min, T max) const {
    if constexpr (std::is_same_v<T, std::uint64_t>)
      return get_uint64(key, min, max);
    else
      return static_cast<T>(get_int64(key, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max)));
  }

  // Throws Error(kBadData): "<source>: <path of key> <problem>; <remedy>".
  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;

 private:
  [[nodiscard]] const nlohmann::json& at(std::string_view key) const;
  [[nodiscard]] const nlohmann::json& list_at(std::string_view key) const;
  [[nodiscard]] std::int64_t get_int64(std::string_view key, std::int64_t min, std::int64_t max) const;
  [[nodiscard]] std::uint64_t get_uint64(std::string_view key, std::uint64_t min, std::uint64_t max) const;
  [[nodiscard]] std::string path_of(std::string_view key) const;

  const nlohmann::json* value_;
  const JsonSource* source_;
  std::string path_;
};

// `text` as a JSON string of at most about 60 bytes: quoted, and with control characters escaped.
TXT2IMG_API std::string quote(std::string_view text);

}  // namespace txt2img

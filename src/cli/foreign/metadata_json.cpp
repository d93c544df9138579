#include "foreign/metadata_json.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "txt2img/error.h"
#include "txt2img/json.h"
#include "txt2img/number_text.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = std::size_t{1} << 20;   // bytes, as of a PNG text
constexpr std::size_t kWordsMax = std::size_t{1} << 12;  // bytes

// Of an object that stands for a model, what a person knows it by.
constexpr std::array kNaming = {"name", "model_name", "model", "lora", "lora_name", "weight"};

std::string without_python_numbers(std::string_view text) {
  std::string strict;
  strict.reserve(text.size());
  bool is_quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::size_t size = 1;
    std::string_view piece = text.substr(at, 1);
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (is_quoted || !text.substr(at).starts_with(word)) continue;
      size = word.size();
      piece = "null";
    }
    if (is_quoted && text[at] == '\\') piece = text.substr(at, size = 2);
    if (text[at] == '"') is_quoted = !is_quoted;
    strict += piece;
    at += size - 1;
  }
  return strict;
}

void append_words(std::string& words, const json& value) {
  if (words.size() > kWordsMax || value.is_null()) return;
  if (value.is_structured()) {
    const bool has_name =
        value.is_object() && std::ranges::any_of(kNaming, [&](const char* key) { return value.contains(key); });
    for (const auto& [key, part] : value.items()) {
      if (!has_name || std::ranges::find(kNaming, key) != kNaming.end()) append_words(words, part);
    }
    return;
  }
  words += words.empty() ? "" : " ";
  if (value.is_string())
    words += value.get_ref<const std::string&>();
  else
    words += value.is_number_float() ? to_shortest_text(value.get<double>()) : value.dump();
}

}  // namespace

std::optional<json> parse_metadata(std::string_view text) {
  try {
    json object = parse_json(without_python_numbers(text), {.name = "metadata", .remedy = ""}, kTextMax);
    return object.is_object() ? std::optional(std::move(object)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string words_of(const json& value) {
  std::string words;
  append_words(words, value);
  return words;
}

}  // namespace txt2img::cli::foreign

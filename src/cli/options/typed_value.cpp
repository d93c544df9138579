#include "options/typed_value.h"

#include "txt2img/number_text.h"

namespace txt2img::cli {
namespace {

using nlohmann::json;
using Text = std::optional<std::string>;

std::string number_text(const json& value) {
  return value.is_number_integer() ? value.dump() : to_shortest_text(value.get<double>());
}

// [1024, 768] is "1024x768", [0.5, 1] is "0.5,1".
Text list_text(const json& list, std::string_view separator) {
  std::string text;
  for (const json& value : list) {
    if (!value.is_number()) return std::nullopt;
    text += (text.empty() ? "" : std::string(separator)) + number_text(value);
  }
  return text;
}

Text string_text(const json& value) { return value.is_string() ? Text(value.get<std::string>()) : std::nullopt; }

}  // namespace

Text text_of(ValueKind kind, const json& value) {
  switch (kind) {
    case ValueKind::kSwitch:
    case ValueKind::kBoolean: return value.is_boolean() ? Text(value.dump()) : std::nullopt;
    case ValueKind::kInteger: return value.is_number_integer() ? Text(value.dump()) : std::nullopt;
    case ValueKind::kReal: return value.is_number() ? Text(number_text(value)) : std::nullopt;
    case ValueKind::kSeed: return value == "random" ? Text("random") : text_of(ValueKind::kInteger, value);
    case ValueKind::kSize: return value.is_array() ? list_text(value, "x") : string_text(value);
    case ValueKind::kPlace:
    case ValueKind::kReals: return value.is_array() ? list_text(value, ",") : string_text(value);
    case ValueKind::kText:
    case ValueKind::kOptionalText: return string_text(value);
  }
  return std::nullopt;
}

std::string_view expected(ValueKind kind) {
  switch (kind) {
    case ValueKind::kSwitch:
    case ValueKind::kBoolean: return "true or false";
    case ValueKind::kInteger: return "a whole number";
    case ValueKind::kReal: return "a number";
    case ValueKind::kSeed: return "a whole number or \"random\"";
    case ValueKind::kSize: return "a text like \"640x480\" or a list [640, 480]";
    case ValueKind::kPlace:
    case ValueKind::kReals: return "a list of numbers";
    case ValueKind::kText:
    case ValueKind::kOptionalText: break;
  }
  return "a text";
}

}  // namespace txt2img::cli

#include "sampling/sampler_options_json.h"

#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "txt2img/error.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

// The value of a key as the command line would have it.
std::string option_text(const JsonObject& object, const SamplerOptionInfo& row) {
  const auto number = [&] { return to_shortest_text(object.get_number(row.name, {.min = row.min, .max = row.max})); };
  return std::visit(
      [&](auto member) {
        using Value = std::remove_cvref_t<decltype(SamplerOptions{}.*member)>;
        if constexpr (std::is_same_v<Value, double> || std::is_same_v<Value, std::optional<double>>)
          return number();
        else if constexpr (std::is_same_v<Value, int>)
          return std::to_string(object.get_integer(row.name, static_cast<int>(row.min), static_cast<int>(row.max)));
        else if constexpr (std::is_same_v<Value, bool>)
          return std::string(object.get_bool(row.name) ? "true" : "false");
        else
          return object.get_string(row.name);
      },
      row.member);
}

}  // namespace

void read_sampler_option(const JsonObject& object, const SamplerOptionInfo& row, SamplerOptions& options) {
  try {
    set_option(options, row, option_text(object, row));
  } catch (const Error& error) {
    if (error.code() == ExitCode::kBadData) throw;
    object.fail(row.name, std::string("is wrong: ") + error.what());
  }
}

SamplerOptions parse_sampler_options(const JsonObject& object) {
  SamplerOptions options;
  for (const SamplerOptionInfo& row : sampler_options()) {
    if (object.has(row.name)) read_sampler_option(object, row, options);
  }
  return options;
}

}  // namespace txt2img

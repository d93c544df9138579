// What an option chooses from: values and their names.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace txt2img::cli {

template <class Value>
struct Choice {
  Value value;
  std::string_view name;
};

template <class Value, std::size_t kSize>
struct Choices {
  std::array<Value, kSize> values{};
  std::array<std::string_view, kSize> names{};
};

template <class Value, std::size_t kSize>
constexpr Choices<Value, kSize> choices(const Choice<Value> (&rows)[kSize]) {
  Choices<Value, kSize> columns;
  for (std::size_t i = 0; i < kSize; ++i) {
    columns.values[i] = rows[i].value;
    columns.names[i] = rows[i].name;
  }
  return columns;
}

}  // namespace txt2img::cli

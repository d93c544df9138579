// Whole numbers of one type out of numbers of another: the same value, or none. A cast would round, wrap or, from a
// real out of range, be undefined.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <utility>

namespace txt2img {

template <std::integral To, std::integral From>
constexpr std::optional<To> exact_integer(From value) {
  return std::in_range<To>(value) ? std::optional(static_cast<To>(value)) : std::nullopt;
}

// 2 for 2.0; nothing for 1.9, 1e300, infinity and not-a-number.
template <std::integral To>
std::optional<To> exact_integer(double value) {
  // The end of the range is a power of two, so that a double holds it; the largest value may be none.
  const double end = std::ldexp(1.0, std::numeric_limits<To>::digits);
  const double begin = std::numeric_limits<To>::is_signed ? -end : 0.0;
  const bool fits = value >= begin && value < end && value == std::trunc(value);
  return fits ? std::optional(static_cast<To>(value)) : std::nullopt;
}

}  // namespace txt2img

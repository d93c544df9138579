// Texts made of a pattern and values: {fmt} behind one function, so that its templates are compiled in one file.
#pragma once

#if __has_include(<fmt/base.h>)  // since {fmt} 11, where core.h has become all of it
#include <fmt/base.h>
#else
#include <fmt/core.h>
#endif

#include <string>

#include "txt2img/export.h"

namespace txt2img {

TXT2IMG_API std::string format_values(fmt::string_view pattern, fmt::format_args values);

// format_text("{} has {} entries", path, 3). The compiler refuses a pattern that does not go with the values.
template <class... Values>
std::string format_text(fmt::format_string<const Values&...> pattern, const Values&... values) {
  return format_values(pattern, fmt::make_format_args(values...));
}

}  // namespace txt2img

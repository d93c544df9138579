// Lists in texts.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace txt2img {

// "a, b, c": `text_of` makes a text of each value; a member of it will do.
template <class Values, class TextOf = std::identity>
std::string joined(const Values& values, std::string_view separator = ", ", TextOf text_of = {}) {
  std::string text;
  std::string_view before;
  for (const auto& value : values) {
    text.append(before).append(std::invoke(text_of, value));
    before = separator;
  }
  return text;
}

}  // namespace txt2img

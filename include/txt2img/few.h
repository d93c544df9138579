// A few values within a row of a table that is known when the program is compiled.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>

namespace txt2img {

template <class T>
class Few {
 public:
  constexpr Few() = default;
  // More than there is room for do not compile.
  constexpr Few(std::initializer_list<T> values) : size_(values.size()) {
    std::size_t i = 0;
    for (const T& value : values) values_.at(i++) = value;
  }

  [[nodiscard]] constexpr const T* begin() const { return values_.data(); }
  [[nodiscard]] constexpr const T* end() const { return begin() + size_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr bool contains(const T& value) const { return std::find(begin(), end(), value) != end(); }

 private:
  static constexpr std::size_t kRoom = 8;

  std::array<T, kRoom> values_{};
  std::size_t size_ = 0;
};

}  // namespace txt2img

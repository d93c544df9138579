// What a multistep sampler remembers: the last outputs, and the noise levels they belong to.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <deque>
#include <utility>

#include "txt2img/noise_schedule.h"

namespace txt2img {

class History {
 public:
  struct Entry {
    at::Tensor output;
    NoiseLevel level;
  };

  explicit History(int size) : size_(static_cast<std::size_t>(size)) {}

  void push(at::Tensor output, const NoiseLevel& level) {
    entries_.push_front({.output = std::move(output), .level = level});
    if (entries_.size() > size_) entries_.pop_back();
  }

  [[nodiscard]] int size() const { return static_cast<int>(entries_.size()); }

  // 0 is the newest.
  [[nodiscard]] const Entry& operator[](int age) const { return entries_[static_cast<std::size_t>(age)]; }

 private:
  std::size_t size_;
  std::deque<Entry> entries_;
};

}  // namespace txt2img

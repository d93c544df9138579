// Bytes that look random and are the same in every run.
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace txt2img {

class RandomBytes {
 public:
  explicit RandomBytes(unsigned seed) : engine_(seed) {}

  // 0 ... limit - 1.
  std::size_t number(std::size_t limit) { return engine_() % limit; }
  char byte() { return static_cast<char>(number(256)); }
  std::string text(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& b : bytes) b = byte();
    return bytes;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace txt2img
